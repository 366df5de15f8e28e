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

-- A script cannot open a socket, but it can run a program: Loopgraft's command line, which talks
-- to the engine that is kept warm. Ardour's window waits for it: the progress window of 7.3's
-- scripts is not drawn, and its Cancel not heard, unless what works is inside Ardour itself.
function factory () return function ()
	-- `loopgraft scripts install` writes here how this computer starts it, quoted for sh.
	local LOOPGRAFT = "loopgraft"
	local BLOCK_SAMPLES = 8192
	local TITLE = "Loopgraft"

	local function tell (sentence)
		LuaDialog.Message (TITLE, sentence, LuaDialog.MessageType.Warning, LuaDialog.ButtonType.Close):run ()
	end

	local function quote (text)
		return "'" .. text:gsub ("'", "'\\''") .. "'"
	end

	local function read_file (path)
		local file = io.open (path, "rb")
		if not file then return "" end
		local text = file:read ("a")
		file:close ()
		return text
	end

	local function last_line (text)
		return text:match ("([^\n]+)\n*$") or ""
	end

	local function number (value)
		-- A locale may write a comma.
		return (string.format ("%.6f", value):gsub (",", "."))
	end

	local function make_folder ()
		local pipe = io.popen ('mktemp -d "${TMPDIR:-/tmp}/loopgraft.XXXXXX"')
		local folder = pipe:read ("l")
		pipe:close ()
		return folder
	end

	-- The region that is selected, with its track. There is no direct way from one to the other.
	local function selected_region ()
		local found
		for region in Editor:get_selection ().regions:regionlist ():iter () do
			if not region:to_audioregion ():isnil () then
				if found then return nil end
				found = region
			end
		end
		if not found then return nil end
		for route in Session:get_tracks ():iter () do
			local playlist = route:to_track ():playlist ()
			if not playlist:region_by_id (found:to_stateful ():id ()):isnil () then
				return found, playlist
			end
		end
	end

	-- Where the beat is: nil and a sentence where it is not one that Loopgraft can follow.
	local function grid_of (region)
		local map = Temporal.TempoMap.read ()
		local start, stop = region:position (), region:position () + region:length ()
		local bpm = map:quarters_per_minute_at (start)
		local meter = map:meter_at (start)
		if meter:divisions_per_bar () ~= 4 or meter:note_value () ~= 4 then
			return nil, "Loopgraft counts four quarters to the bar; this region is in another meter."
		end
		if math.abs (bpm - map:quarters_per_minute_at (stop)) > 0.001 then
			return nil, "The tempo changes inside the region; split it where the tempo changes."
		end
		local bbt = map:bbt_at (start)
		local downbeat = 0
		if bbt.beats > 1 or bbt.ticks > 0 then
			local next_bar = map:sample_at_bbt (Temporal.BBT_TIME (bbt.bars + 1, 1, 0))
			downbeat = (next_bar - start:samples ()) / Session:nominal_sample_rate ()
		end
		return { bpm = bpm, downbeat = downbeat }
	end

	-- The region as it sounds, with its gain and fades, as a float WAV.
	local function write_wav (region, path)
		local readable = region:to_audioregion ():to_readable ()
		local channels, frames = readable:n_channels (), readable:readable_length ()
		local rate, bytes = math.floor (Session:nominal_sample_rate ()), frames * channels * 4
		local file = assert (io.open (path, "wb"))
		file:write (string.pack ("<c4I4c4c4I4I2I2I4I4I2I2c4I4", "RIFF", 36 + bytes, "WAVE", "fmt ", 16,
			3, channels, rate, rate * channels * 4, channels * 4, 32, "data", bytes))
		local memory = ARDOUR.DSP.DspShm (BLOCK_SAMPLES)
		for from = 0, frames - 1, BLOCK_SAMPLES do
			local count = math.min (BLOCK_SAMPLES, frames - from)
			local packed = {}
			for channel = 1, channels do
				readable:read (memory:to_float (0), from, count, channel - 1)
				local samples = memory:to_float (0):array ()
				for i = 1, count do
					packed[(i - 1) * channels + channel] = string.pack ("<f", samples[i])
				end
			end
			file:write (table.concat (packed))
		end
		file:close ()
	end

	-- Runs a command line to its end; true when it ended well.
	local function run (command, folder)
		local function in_folder (name) return quote (folder .. "/" .. name) end
		-- Ardour's own libraries are not for other programs.
		os.execute (string.format ("env -u LD_LIBRARY_PATH %s > %s 2> %s; echo $? > %s",
			command, in_folder ("result"), in_folder ("progress"), in_folder ("code")))
		return read_file (folder .. "/code") == "0\n"
	end

	-- Brings a file into the session, not yet onto a timeline; the new region or nil.
	local function import (path)
		local before = {}
		for id, _ in ARDOUR.RegionFactory.regions ():iter () do before[id:to_s ()] = true end
		local files = C.StringVector ()
		files:push_back (path)
		Editor:do_import (files, Editing.ImportDistinctFiles, Editing.ImportAsRegion,
			ARDOUR.SrcQuality.SrcBest, ARDOUR.MidiTrackNameSource.SMFTrackName,
			ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore, Temporal.timepos_t (0),
			ARDOUR.PluginInfo (), ARDOUR.Track (), false)
		for id, region in ARDOUR.RegionFactory.regions ():iter () do
			if not before[id:to_s ()] then return region end
		end
	end

	-- Puts frames [start, stop) of an imported region at a position, as one step to undo.
	local function place (whole, start, stop, position, playlist, name)
		local region = ARDOUR.RegionFactory.clone_region (whole, true, true)
		region:set_initial_position (Temporal.timepos_t (0))
		region:cut_front (Temporal.timepos_t (start), 0)
		region:set_length (Temporal.timecnt_t (stop - start), 0)
		region:set_name (name)
		Session:begin_reversible_command ("Loopgraft: Continue Region")
		playlist:to_stateful ():clear_changes ()
		playlist:add_region (region, position, 1, false)
		Session:add_stateful_diff_command (playlist:to_statefuldestructible ())
		if not Session:abort_empty_reversible_command () then
			Session:commit_reversible_command (nil)
		end
	end

	local function continue (region, playlist, grid, wishes, folder)
		local source, result = folder .. "/region.wav", folder .. "/continued.wav"
		write_wav (region, source)
		local command = string.format ("%s continue %s --bars %d --bpm %s --downbeat %s --out %s --json",
			LOOPGRAFT, quote (source), wishes.bars, number (grid.bpm), number (grid.downbeat), quote (result))
		if wishes.prompt ~= "" then
			command = command .. " --prompt=" .. quote (wishes.prompt)
		end
		if not run (command, folder) then return tell (last_line (read_file (folder .. "/progress"))) end
		local start, stop = read_file (folder .. "/result"):match ('"grafted": %[%[(%d+), (%d+)%]')
		local whole = start and import (result)
		if not whole then return tell ("Ardour did not take the file that Loopgraft made.") end
		place (whole, tonumber (start), tonumber (stop),
			region:position () + region:length (), playlist, region:name () .. " continued")
	end

	local region, playlist = selected_region ()
	if not region then return tell ("Select one audio region, the one to continue.") end
	local grid, why_not = grid_of (region)
	if not grid then return tell (why_not) end
	local wishes = LuaDialog.Dialog ("Continue Region", {
		{ type = "number", key = "bars", title = "Bars to add", min = 1, max = 64, step = 1, digits = 0, default = 4 },
		{ type = "entry", key = "prompt", title = "What it should sound like", default = "" },
	}):run ()
	if not wishes then return end
	local folder = make_folder ()
	if not folder then return tell ("There is no place for temporary files.") end
	local fine, problem = pcall (continue, region, playlist, grid, wishes, folder)
	os.execute ("rm -r " .. quote (folder))
	if not fine then tell ("The region could not be continued: " .. problem) end
end end
