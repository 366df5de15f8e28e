ardour {
	["type"] = "EditorAction",
	name = "Loopgraft: Inpaint Range",
	license = "GPL-3.0-or-later",
	author = "Loopgraft",
	description = [[
Makes the selected range of an audio region anew, to fit what is around it. The region
is replaced by one that is the same outside of the range. One undo brings it back.

Installed by: loopgraft scripts install]]
}

function factory () return function ()
	-- include: region.lua

	-- The topmost audio region at a place of the one track that is selected.
	local function region_at (sample)
		local found, on
		for route in Editor:get_selection ().tracks:routelist ():iter () do
			local track = route:to_track ()
			if not track:isnil () then
				local region = track:playlist ():top_region_at (Temporal.timepos_t (sample))
				if not region:isnil () and not region:to_audioregion ():isnil () then
					if found then return nil end
					found, on = region, track:playlist ()
				end
			end
		end
		return found, on
	end

	local range = Editor:get_selection ().time
	local first, last = range:start_sample (), range:end_sample ()
	if first >= last then return tell ("Select the range to make anew, inside one audio region.") end
	local region, playlist = selected_region ()
	if not region then region, playlist = region_at (first) end
	if not region then return tell ("Select the range on one track, inside one audio region.") end
	local start, frames = region:position ():samples (), frames_of (region)
	if first < start or last > start + frames then
		return tell ("The range reaches out of the region; select one inside it.")
	end
	local grid, why_not = grid_of (region)
	why_not = why_not or why_it_stays (region)
	if why_not then return tell (why_not) end
	local wishes = LuaDialog.Dialog ("Inpaint Range", {
		{ type = "entry", key = "prompt", title = "What it should sound like", default = "" },
	}):run ()
	if not wishes then return end
	local rate = Session:nominal_sample_rate ()
	local task = string.format ("inpaint --start %s --end %s",
		number ((first - start) / rate), number ((last - start) / rate))
	graft (region, playlist, write_as_heard, task, grid, wishes.prompt, function (whole)
		local made = piece (whole, 0, frames, region:name () .. " inpainted")
		-- Its own fades are in it already; only new sound at an edge wants one.
		made:to_audioregion ():set_fade_in_active (first == start)
		made:to_audioregion ():set_fade_out_active (last == start + frames)
		as_one_step ("Loopgraft: Inpaint Range", playlist, function ()
			put_in_place_of (region, made, playlist)
		end)
	end)
end end
