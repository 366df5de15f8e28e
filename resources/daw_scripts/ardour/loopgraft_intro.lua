ardour {
	["type"] = "EditorAction",
	name = "Loopgraft: Lead into Region",
	license = "GPL-3.0-or-later",
	author = "Loopgraft",
	description = [[
Leads into the selected audio region. The new bars are placed directly before it,
on the same track, in the session's tempo. One undo takes them off again.

Installed by: loopgraft scripts install]]
}

function factory () return function ()
	-- include: region.lua

	extend ("Lead into Region", "backward", function (region, frames)
		local start = region:position ():samples () - frames
		return start >= 0 and Temporal.timepos_t (start) or nil
	end)
end end
