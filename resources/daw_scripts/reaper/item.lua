-- Items of REAPER: the one that is meant, its sound, and what takes its place. Loopgraft runs
-- beside REAPER, which looks for the result now and then.

-- include: ../command.lua

local POLL_SECONDS = 0.1
local SAME_BPM = 0.001
local ON_THE_BEAT = 0.0001
local THIS_PROJECT = 0
local ESCAPE, CLOSED = 27, -1

local function tell(sentence)
  reaper.ShowMessageBox(sentence, TITLE, 0)
end

-- The one audio item that is selected, nil where there is none or more than one.
local function selected_item()
  if reaper.CountSelectedMediaItems(THIS_PROJECT) ~= 1 then return nil end
  local item = reaper.GetSelectedMediaItem(THIS_PROJECT, 0)
  local take = reaper.GetActiveTake(item)
  if not take or reaper.TakeIsMIDI(take) then return nil end
  local source = reaper.GetMediaItemTake_Source(take)
  local rate = reaper.GetMediaSourceSampleRate(source)
  if rate == 0 then return nil end
  local seconds = reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
  return {
    item = item,
    take = take,
    source = source,
    track = reaper.GetMediaItem_Track(item),
    start = reaper.GetMediaItemInfo_Value(item, "D_POSITION"),
    seconds = seconds,
    offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS"),
    rate = math.floor(rate),
    frames = math.floor(seconds * rate + 0.5),
    channels = reaper.GetMediaSourceNumChannels(source),
  }
end

-- Where the beat is: nil and a sentence where it is not one that Loopgraft can follow.
local function grid_of(sent)
  local beats, unit, bpm = reaper.TimeMap_GetTimeSigAtTime(THIS_PROJECT, sent.start)
  local _, _, bpm_after = reaper.TimeMap_GetTimeSigAtTime(THIS_PROJECT, sent.start + sent.seconds)
  if beats ~= 4 or unit ~= 4 then
    return nil, "Loopgraft counts four quarters to the bar; this item is in another meter."
  end
  if math.abs(bpm - bpm_after) > SAME_BPM then
    return nil, "The tempo changes inside the item; split it where the tempo changes."
  end
  local beat, bar = reaper.TimeMap2_timeToBeats(THIS_PROJECT, sent.start)
  local downbeat = 0
  if beat > ON_THE_BEAT then
    downbeat = reaper.TimeMap2_beatsToTime(THIS_PROJECT, 0, bar + 1) - sent.start
    -- One without a bar line in it counts from its start.
    if downbeat >= sent.seconds then downbeat = 0 end
  end
  return { bpm = bpm, downbeat = downbeat }
end

-- The take without its volume, pan, envelopes and fades, as a float WAV.
local function write_wav(sent, path)
  local file = assert(io.open(path, "wb"))
  file:write(wav_head(sent.channels, sent.rate, sent.frames))
  local accessor = reaper.CreateTakeAudioAccessor(sent.take)
  for from = 0, sent.frames - 1, BLOCK_FRAMES do
    local count = math.min(BLOCK_FRAMES, sent.frames - from)
    local block = reaper.new_array(count * sent.channels)
    block.clear()
    reaper.GetAudioAccessorSamples(accessor, sent.rate, sent.channels, from / sent.rate, count, block)
    local packed = {}
    for i, sample in ipairs(block.table()) do packed[i] = string.pack("<f", sample) end
    file:write(table.concat(packed))
  end
  reaper.DestroyAudioAccessor(accessor)
  file:close()
end

-- Changes the project as one step to undo, which is closed also where the change fails.
local function as_one_step(name, change)
  reaper.Undo_BeginBlock()
  local fine, problem = pcall(change)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("Loopgraft: " .. name, -1)
  if not fine then error(problem, 0) end
end

-- Why a take cannot get another source, nil where it can: what bends time would bend that too.
local function why_it_stays(sent)
  local bends = reaper.GetMediaItemTakeInfo_Value(sent.take, "D_PLAYRATE") ~= 1
    or reaper.GetMediaItemTakeInfo_Value(sent.take, "D_PITCH") ~= 0
    or reaper.GetTakeNumStretchMarkers(sent.take) > 0
  if bends then return "The item is stretched or pitched; glue it first." end
  if reaper.GetMediaItemInfo_Value(sent.item, "C_LOCK") ~= 0 then
    return "The item is locked; unlock it first."
  end
end

-- Whether the take shows what was sent; it may have changed while Loopgraft worked.
local function is_as_sent(sent)
  return reaper.ValidatePtr2(THIS_PROJECT, sent.item, "MediaItem*")
    and reaper.ValidatePtr2(THIS_PROJECT, sent.take, "MediaItem_Take*")
    and reaper.GetMediaItemTake_Source(sent.take) == sent.source
    and reaper.GetMediaItemInfo_Value(sent.item, "D_LENGTH") == sent.seconds
    and reaper.GetMediaItemTakeInfo_Value(sent.take, "D_STARTOFFS") == sent.offset
end

-- Gives the take a file of its own length. Volume, pan, fades, envelopes and effects stay.
local function put_in_place(name, sent, path, how)
  if not is_as_sent(sent) then return tell("The item has changed; what was made is in " .. path) end
  as_one_step(name, function()
    reaper.SetMediaItemTake_Source(sent.take, reaper.PCM_Source_CreateFromFile(path))
    reaper.SetMediaItemTakeInfo_Value(sent.take, "D_STARTOFFS", 0)
    reaper.SetMediaItemInfo_Value(sent.item, "B_LOOPSRC", 0)
    reaper.GetSetMediaItemTakeInfo_String(sent.take, "P_NAME", reaper.GetTakeName(sent.take) .. how, true)
    reaper.UpdateItemInProject(sent.item)
  end)
end

-- Puts frames [start, stop) of a file on the item's track, as loud as the item.
local function put_beside(name, sent, path, start, stop, position)
  if not reaper.ValidatePtr2(THIS_PROJECT, sent.item, "MediaItem*") then
    return tell("The item is gone; what was made is in " .. path)
  end
  as_one_step(name, function()
    local item = reaper.AddMediaItemToTrack(sent.track)
    local take = reaper.AddTakeToMediaItem(item)
    reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(path))
    reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", start / sent.rate)
    reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
    reaper.SetMediaItemInfo_Value(item, "D_LENGTH", (stop - start) / sent.rate)
    reaper.SetMediaItemInfo_Value(item, "D_POSITION", position)
    reaper.SetMediaItemInfo_Value(item, "D_VOL", reaper.GetMediaItemInfo_Value(sent.item, "D_VOL"))
    for _, key in ipairs({ "D_VOL", "D_PAN" }) do
      reaper.SetMediaItemTakeInfo_Value(take, key, reaper.GetMediaItemTakeInfo_Value(sent.take, key))
    end
    reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", reaper.GetTakeName(sent.take) .. " continued", true)
  end)
end

local function draw(folder)
  gfx.x, gfx.y = 16, 16
  gfx.drawstr(read_file(folder .. "/progress"):match("([^\n]+)\n*$") or "Starting")
  gfx.x, gfx.y = 16, 44
  gfx.drawstr("Esc, or closing this window, cancels.")
  gfx.update()
end

local function finish(folder, result, use)
  local start, stop = made_in(folder)
  if not start then return tell(stop) end
  use(result, start, stop)
end

-- Looks whether the command has ended; comes back later where it has not.
local function watch(folder, result, use, looked)
  local now = reaper.time_precise()
  if now - looked < POLL_SECONDS then
    return reaper.defer(function() watch(folder, result, use, looked) end)
  end
  draw(folder)
  local key, process = gfx.getchar(), read_file(folder .. "/process"):match("%d+")
  local is_cancelled = process and (key == ESCAPE or key == CLOSED)
  if not is_cancelled and not read_file(folder .. "/code"):match("^%d+\n") then
    return reaper.defer(function() watch(folder, result, use, now) end)
  end
  gfx.quit()
  local fine, problem = true, nil
  if is_cancelled then
    -- The engine drops what nobody waits for.
    os.execute("kill " .. process)
  else
    fine, problem = pcall(finish, folder, result, use)
  end
  remove_folder(folder)
  if not fine then tell("REAPER could not do it: " .. problem) end
end

-- Sends the item and calls `use` with the file that came back and its new frames.
local function graft(sent, task, grid, prompt, use)
  local folder = make_folder()
  if not folder then return tell("There is no place for temporary files.") end
  local source = folder .. "/item.wav"
  -- REAPER refers to files where they lie: this one stays in the project's folder.
  local name = string.format("/loopgraft_%s.wav", reaper.genGuid(""):gsub("[^%w]", ""):lower())
  local result = reaper.GetProjectPath() .. name
  local fine, problem = pcall(write_wav, sent, source)
  if not fine then
    remove_folder(folder)
    return tell("REAPER could not do it: " .. problem)
  end
  os.execute(logged(command_line(task, source, result, grid, prompt), folder) .. " &")
  gfx.init(TITLE, 420, 76)
  watch(folder, result, use, reaper.time_precise())
end

-- Asks for a number and a prompt; nothing where the dialog was closed.
local function ask(title, caption, default, sentence)
  local answered, wishes = reaper.GetUserInputs(title, 2,
    caption .. ",What it should sound like,extrawidth=200", default .. ",")
  if not answered then return nil end
  local value, prompt = wishes:match("^%s*(%d+)%s*,(.*)$")
  if not value then return tell(sentence) end
  return tonumber(value), prompt
end

-- Adds bars at an end of the selected item. where_to: (item, seconds) to a place.
local function extend(title, direction, where_to)
  local sent = selected_item()
  if not sent then return tell("Select one audio item, the one to continue.") end
  local grid, why_not = grid_of(sent)
  if not grid then return tell(why_not) end
  local bars, prompt = ask(title, "Bars to add", "4", "Give a whole number of bars, 1 to 64.")
  if not bars then return end
  if where_to(sent, bars * 240 / grid.bpm) < 0 then
    return tell(string.format("There is no room for %d bars before the item.", bars))
  end
  local task = string.format("continue --bars %d --direction %s", bars, direction)
  graft(sent, task, grid, prompt, function(path, start, stop)
    put_beside(title:lower(), sent, path, start, stop, where_to(sent, (stop - start) / sent.rate))
  end)
end
