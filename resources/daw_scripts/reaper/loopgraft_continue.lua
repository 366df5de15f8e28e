-- @description Loopgraft: continue item
-- @author Loopgraft
-- @about
--   Continues the selected audio item. The new bars are placed directly after it, on the same
--   track, in the project's tempo. One undo takes them off again.
--   Installed by: loopgraft scripts install. Then: Actions > Show action list > New action > Load.

-- ReaScript cannot open a socket, but it can run a program: Loopgraft's command line, which talks
-- to the engine that is kept warm. It runs beside REAPER, which looks for the result now and then.

-- `loopgraft scripts install` writes here how this computer starts it, quoted for sh.
local LOOPGRAFT = "loopgraft"
local TITLE = "Loopgraft"
local BLOCK_FRAMES = 8192
local POLL_SECONDS = 0.1
local SAME_BPM = 0.001
local ON_THE_BEAT = 0.0001
local THIS_PROJECT = 0

local function tell(sentence)
  reaper.ShowMessageBox(sentence, TITLE, 0)
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read("a")
  file:close()
  return text
end

local function last_line(text)
  return text:match("([^\n]+)\n*$") or ""
end

local function number(value)
  -- A locale may write a comma.
  return (string.format("%.6f", value):gsub(",", "."))
end

local function make_folder()
  local pipe = io.popen('mktemp -d "${TMPDIR:-/tmp}/loopgraft.XXXXXX"')
  local folder = pipe and pipe:read("l")
  if pipe then pipe:close() end
  return folder
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
  return {
    item = item,
    take = take,
    track = reaper.GetMediaItem_Track(item),
    start = reaper.GetMediaItemInfo_Value(item, "D_POSITION"),
    seconds = reaper.GetMediaItemInfo_Value(item, "D_LENGTH"),
    rate = math.floor(rate),
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
  end
  return { bpm = bpm, downbeat = downbeat }
end

-- The take as it sounds before the track's effects, as a float WAV.
local function write_wav(sent, path)
  local frames = math.floor(sent.seconds * sent.rate + 0.5)
  local frame_bytes = sent.channels * 4
  local file = assert(io.open(path, "wb"))
  file:write(string.pack("<c4I4c4c4I4I2I2I4I4I2I2c4I4", "RIFF", 36 + frames * frame_bytes, "WAVE",
    "fmt ", 16, 3, sent.channels, sent.rate, sent.rate * frame_bytes, frame_bytes, 32, "data",
    frames * frame_bytes))
  local accessor = reaper.CreateTakeAudioAccessor(sent.take)
  for from = 0, frames - 1, BLOCK_FRAMES do
    local count = math.min(BLOCK_FRAMES, frames - from)
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

-- Puts frames [start, stop) of a file after the item, as one step to undo.
local function place(sent, path, start, stop)
  reaper.Undo_BeginBlock()
  local item = reaper.AddMediaItemToTrack(sent.track)
  local take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(path))
  reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", start / sent.rate)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
  reaper.SetMediaItemInfo_Value(item, "D_LENGTH", (stop - start) / sent.rate)
  reaper.SetMediaItemInfo_Value(item, "D_POSITION", sent.start + sent.seconds)
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", reaper.GetTakeName(sent.take) .. " continued", true)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("Loopgraft: continue item", -1)
end

local function finish(sent, folder, result, code)
  if code ~= "0" then return tell(last_line(read_file(folder .. "/progress"))) end
  local start, stop = read_file(folder .. "/result"):match('"grafted": %[%[(%d+), (%d+)%]')
  if not start then return tell("Loopgraft did not say what it made.") end
  if not reaper.ValidatePtr2(THIS_PROJECT, sent.item, "MediaItem*") then
    return tell("The item is gone; what was made is in " .. result)
  end
  place(sent, result, tonumber(start), tonumber(stop))
end

-- Looks whether the command has ended; comes back later where it has not.
local function watch(sent, folder, result, looked)
  local now = reaper.time_precise()
  if now - looked < POLL_SECONDS then
    return reaper.defer(function() watch(sent, folder, result, looked) end)
  end
  local code = read_file(folder .. "/code"):match("^(%d+)\n")
  if not code then
    return reaper.defer(function() watch(sent, folder, result, now) end)
  end
  local fine, problem = pcall(finish, sent, folder, result, code)
  os.execute("rm -r " .. quote(folder))
  if not fine then tell("The item could not be continued: " .. problem) end
end

local function continue(sent, grid, bars, prompt, folder)
  local source = folder .. "/item.wav"
  write_wav(sent, source)
  -- REAPER refers to files where they lie: this one stays in the project's folder.
  local name = string.format("/loopgraft_%s.wav", reaper.genGuid(""):gsub("[^%w]", ""):lower())
  local result = reaper.GetProjectPath() .. name
  local command = string.format("%s continue %s --bars %d --bpm %s --downbeat %s --out %s --json",
    LOOPGRAFT, quote(source), bars, number(grid.bpm), number(grid.downbeat), quote(result))
  if prompt ~= "" then command = command .. " --prompt=" .. quote(prompt) end
  local function in_folder(file) return quote(folder .. "/" .. file) end
  os.execute(string.format("{ %s > %s 2> %s; echo $? > %s; } &",
    command, in_folder("result"), in_folder("progress"), in_folder("code")))
  watch(sent, folder, result, reaper.time_precise())
end

local function main()
  local sent = selected_item()
  if not sent then return tell("Select one audio item, the one to continue.") end
  local grid, why_not = grid_of(sent)
  if not grid then return tell(why_not) end
  local answered, wishes = reaper.GetUserInputs(TITLE, 2,
    "Bars to add,What it should sound like,extrawidth=200", "4,")
  if not answered then return end
  local bars, prompt = wishes:match("^%s*(%d+)%s*,(.*)$")
  if not bars then return tell("Give a whole number of bars, 1 to 64.") end
  local folder = make_folder()
  if not folder then return tell("There is no place for temporary files.") end
  local fine, problem = pcall(continue, sent, grid, tonumber(bars), prompt, folder)
  if not fine then tell("The item could not be continued: " .. problem) end
end

main()
