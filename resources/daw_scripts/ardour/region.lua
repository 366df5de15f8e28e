-- Regions of Ardour: the one that is meant, its sound, and what takes its place.

-- include: ../command.lua

local function tell (sentence)
	LuaDialog.Message (TITLE, sentence, LuaDialog.MessageType.Warning, LuaDialog.ButtonType.Close):run ()
end

-- The one audio region that is selected, with its playlist. There is no direct way from one to the other.
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
		-- One without a bar line in it counts from its start.
		if next_bar >= stop:samples () then downbeat = 0 end
	end
	return { bpm = bpm, downbeat = downbeat }
end

local function frames_of (region)
	return region:to_audioregion ():to_readable ():readable_length ()
end

local function write_wav (region, read, path)
	local channels, frames = region:to_audioregion ():n_channels (), frames_of (region)
	local file = assert (io.open (path, "wb"))
	file:write (wav_head (channels, math.floor (Session:nominal_sample_rate ()), frames))
	local memory = ARDOUR.DSP.DspShm (BLOCK_FRAMES)
	for from = 0, frames - 1, BLOCK_FRAMES do
		local count = math.min (BLOCK_FRAMES, frames - from)
		local packed = {}
		for channel = 1, channels do
			read (memory:to_float (0), from, count, channel - 1)
			local samples = memory:to_float (0):array ()
			for i = 1, count do
				packed[(i - 1) * channels + channel] = string.pack ("<f", samples[i])
			end
		end
		file:write (table.concat (packed))
	end
	file:close ()
end

-- Writes what lies in the region's file, without its gain, envelope and fades.
local function write_as_recorded (region, path)
	local readable = region:to_audioregion ():to_readable ()
	write_wav (region, function (memory, from, count, channel)
		readable:read (memory, from, count, channel)
	end, path)
end

local function lower_to (layer, region, playlist)
	while region:layer () > layer do
		local before = region:layer ()
		playlist:lower_region (region)
		if region:layer () == before then break end
	end
end

-- Writes what is heard of the region, its gain, envelope and fades in it, and nothing that lies
-- over it: only a playlist tells, so the region is on top meanwhile.
local function write_as_heard (region, path, playlist)
	local audio, start, layer = playlist:to_audioplaylist (), region:position ():samples (), region:layer ()
	local mixed, gains = ARDOUR.DSP.DspShm (BLOCK_FRAMES), ARDOUR.DSP.DspShm (BLOCK_FRAMES)
	playlist:raise_region_to_top (region)
	local fine, problem = pcall (write_wav, region, function (memory, from, count, channel)
		audio:read (memory, mixed:to_float (0), gains:to_float (0),
			Temporal.timepos_t (start + from), Temporal.timecnt_t (count), channel)
	end, path)
	lower_to (layer, region, playlist)
	if not fine then error (problem, 0) end
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

-- A region of frames [start, stop) of an imported one.
local function piece (whole, start, stop, name)
	local region = ARDOUR.RegionFactory.clone_region (whole, true, true)
	region:set_initial_position (Temporal.timepos_t (0))
	region:cut_front (Temporal.timepos_t (start), 0)
	region:set_length (Temporal.timecnt_t (stop - start), 0)
	region:set_name (name)
	return region
end

-- Sends the region, as `write` writes it, and calls `use` with what came back, brought into the
-- session, and its new frames. Ardour's window waits: the progress window of 7.3's scripts is not
-- drawn, and its Cancel not heard, unless what works is inside Ardour itself.
local function graft (region, playlist, write, task, grid, prompt, use)
	local folder = make_folder ()
	if not folder then return tell ("There is no place for temporary files.") end
	local source, result = folder .. "/region.wav", folder .. "/loopgraft.wav"
	local fine, problem = pcall (function ()
		write (region, source, playlist)
		-- Ardour's own libraries are not for other programs.
		local command = "env -u LD_LIBRARY_PATH " .. command_line (task, source, result, grid, prompt)
		os.execute (logged (command, folder))
		local start, stop = made_in (folder)
		if not start then return tell (stop) end
		local whole = import (result)
		if not whole then return tell ("Ardour did not take the file that Loopgraft made.") end
		use (whole, start, stop)
	end)
	remove_folder (folder)
	if not fine then tell ("Ardour could not do it: " .. problem) end
end

-- Changes a playlist as one step to undo, which is closed also where the change fails.
local function as_one_step (name, playlist, change)
	Session:begin_reversible_command (name)
	playlist:to_stateful ():clear_changes ()
	local fine, problem = pcall (change)
	Session:add_stateful_diff_command (playlist:to_statefuldestructible ())
	if not Session:abort_empty_reversible_command () then
		Session:commit_reversible_command (nil)
	end
	if not fine then error (problem, 0) end
end

-- Why a region cannot be replaced by what is heard of it, nil where it can.
local function why_it_stays (region)
	if region:muted () then return "The region is muted; unmute it first." end
	if region:locked () then return "The region is locked; unlock it first." end
end

-- Puts one region where another was, also among those that lie over it.
local function put_in_place_of (region, made, playlist)
	local layer = region:layer ()
	playlist:remove_region (region)
	playlist:add_region (made, region:position (), 1, false)
	lower_to (layer, made, playlist)
end

-- Adds bars at an end of the selected region. where_to: (region, frames) to a place, nil: no room.
local function extend (title, direction, where_to)
	local region, playlist = selected_region ()
	if not region then return tell ("Select one audio region, the one to continue.") end
	local grid, why_not = grid_of (region)
	if not grid then return tell (why_not) end
	local wishes = LuaDialog.Dialog (title, {
		{ type = "number", key = "bars", title = "Bars to add", min = 1, max = 64, step = 1, digits = 0, default = 4 },
		{ type = "entry", key = "prompt", title = "What it should sound like", default = "" },
	}):run ()
	if not wishes then return end
	local frames = wishes.bars * 240 / grid.bpm * Session:nominal_sample_rate ()
	if not where_to (region, math.floor (frames)) then
		return tell (string.format ("There is no room for %d bars before the region.", wishes.bars))
	end
	local task = string.format ("continue --bars %d --direction %s", wishes.bars, direction)
	graft (region, playlist, write_as_recorded, task, grid, wishes.prompt, function (whole, start, stop)
		local made = piece (whole, start, stop, region:name () .. " continued")
		made:to_audioregion ():set_scale_amplitude (region:to_audioregion ():scale_amplitude ())
		as_one_step ("Loopgraft: " .. title, playlist, function ()
			playlist:add_region (made, where_to (region, stop - start), 1, false)
		end)
	end)
end
