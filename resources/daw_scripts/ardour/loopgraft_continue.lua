ardour {
	["type"] = "EditorAction",
	name = "Loopgraft: Continue Region",
	license = "GPL-3.0-or-later",
	author = "Loopgraft",
	description = [[
Continues the selected audio region. The new bars are placed directly after it,
on the same track, in the session's tempo. One undo takes them off again.

Installed by: loopgraft scripts install]]
}

function factory () return function ()
	-- include: region.lua

	extend ("Continue Region", "forward", function (region, _)
		return region:position () + region:length ()
	end)
end end
