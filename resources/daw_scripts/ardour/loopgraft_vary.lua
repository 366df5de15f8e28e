ardour {
	["type"] = "EditorAction",
	name = "Loopgraft: Vary Region",
	license = "GPL-3.0-or-later",
	author = "Loopgraft",
	description = [[
Puts a variation of the selected audio region in its place, as long as it is. One
undo brings the region back.

Installed by: loopgraft scripts install]]
}

function factory () return function ()
	-- include: region.lua

	local region, playlist = selected_region ()
	if not region then return tell ("Select one audio region, the one to vary.") end
	local grid, why_not = grid_of (region)
	why_not = why_not or why_it_stays (region)
	if why_not then return tell (why_not) end
	local wishes = LuaDialog.Dialog ("Vary Region", {
		{ type = "number", key = "percent", title = "How far it goes (%)", min = 1, max = 100, step = 5, digits = 0, default = 50 },
		{ type = "entry", key = "prompt", title = "What it should sound like", default = "" },
	}):run ()
	if not wishes then return end
	local task = "vary --strength " .. number (wishes.percent / 100)
	graft (region, playlist, write_as_heard, task, grid, wishes.prompt, function (whole)
		local made = piece (whole, 0, frames_of (region), region:name () .. " varied")
		as_one_step ("Loopgraft: Vary Region", playlist, function ()
			put_in_place_of (region, made, playlist)
		end)
	end)
end end
