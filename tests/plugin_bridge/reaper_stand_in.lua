-- What the script uses of REAPER's interface, strict about names, numbers and kinds of arguments.
-- The signatures are those of the ReaScript documentation; REAPER itself is not here.
-- Run with: SCRIPT ANSWERS_FILE REPORT_FILE, by way of the globals that the test sets before it.

local project = { items = {}, undo = {}, messages = {}, refreshed = 0 }
local open_block
local deferred = {}

local function is(kind, value, what)
  local has = type(value) == "table" and value.kind or math.type(value) and "number" or type(value)
  assert(kind == "any" or has == kind, what .. " wants " .. kind .. ", got " .. has)
  return value
end

-- Wraps a function so that it takes exactly these kinds.
local function taking(name, kinds, body)
  return function(...)
    assert(select("#", ...) == #kinds, name .. " wants " .. #kinds .. " arguments")
    for i, kind in ipairs(kinds) do is(kind, (select(i, ...)), name) end
    return body(...)
  end
end

local function change(what)
  assert(open_block, what .. " outside an undo block")
  open_block.changes = open_block.changes + 1
end

local function sample(channel, frame)
  return ((frame * 7 + channel * 3) % 1000) / 2000 - 0.25
end

local track = { kind = "MediaTrack" }
local function new_item()
  local values = { D_POSITION = 0.0, D_LENGTH = 0.0, D_VOL = 1.0, B_LOOPSRC = 1.0, C_LOCK = 0.0 }
  return { kind = "MediaItem", track = track, values = values }
end
local function new_take(item, source, name)
  local values = { D_STARTOFFS = 0.0, D_VOL = 1.0, D_PAN = 0.0, D_PLAYRATE = 1.0, D_PITCH = 0.0 }
  return { kind = "MediaItem_Take", item = item, source = source, name = name, values = values }
end
local function new_source(path)
  return { kind = "PCM_source", path = path }
end

local sent = new_item()
sent.values.D_POSITION, sent.values.D_LENGTH = POSITION, FRAMES / RATE
sent.values.C_LOCK, sent.values.D_VOL = LOCKED, 0.5
sent.active = new_take(sent, new_source("sent.wav"), NAME)
sent.active.values.D_STARTOFFS, sent.active.values.D_PLAYRATE = OFFSET, PLAY_RATE
sent.active.values.D_VOL = 0.25
project.items[1] = sent

local seconds_passed = 0
local calls = {
  CountSelectedMediaItems = { { "number" }, function() return SELECTED end },
  GetSelectedMediaItem = { { "number", "number" }, function(_, i) return project.items[i + 1] end },
  GetActiveTake = { { "MediaItem" }, function(item) return item.active end },
  TakeIsMIDI = { { "MediaItem_Take" }, function() return IS_MIDI end },
  GetMediaItemTake_Source = { { "MediaItem_Take" }, function(take) return take.source end },
  GetMediaSourceSampleRate = { { "PCM_source" }, function() return RATE end },
  GetMediaSourceNumChannels = { { "PCM_source" }, function() return CHANNELS end },
  GetMediaItem_Track = { { "MediaItem" }, function(item) return item.track end },
  GetMediaItemInfo_Value = { { "MediaItem", "string" }, function(item, key)
    return (assert(item.values[key], key))
  end },
  SetMediaItemInfo_Value = { { "MediaItem", "string", "number" }, function(item, key, value)
    change(key)
    assert(item.values[key], key)
    item.values[key] = value
    return true
  end },
  SetMediaItemTakeInfo_Value = { { "MediaItem_Take", "string", "number" }, function(take, key, value)
    change(key)
    assert(take.values[key], key)
    take.values[key] = value
    return true
  end },
  GetMediaItemTakeInfo_Value = { { "MediaItem_Take", "string" }, function(take, key)
    return (assert(take.values[key], key))
  end },
  GetTakeNumStretchMarkers = { { "MediaItem_Take" }, function() return STRETCH_MARKERS end },
  GetSet_LoopTimeRange2 = { { "number", "boolean", "boolean", "number", "number", "boolean" },
    function(_, sets)
      assert(not sets, "the time selection is the user's")
      return SELECTED_FROM, SELECTED_TO
    end },
  GetSetMediaItemTakeInfo_String = { { "MediaItem_Take", "string", "string", "boolean" },
    function(take, key, value, sets)
      assert(key == "P_NAME" and sets, key)
      change(key)
      take.name = value
      return true, value
    end },
  GetTakeName = { { "MediaItem_Take" }, function(take) return take.name end },
  TimeMap_GetTimeSigAtTime = { { "number", "number" }, function(_, time)
    return METER, 4, time < TEMPO_CHANGES_AT and BPM or BPM + 10
  end },
  TimeMap2_timeToBeats = { { "number", "number" }, function(_, time)
    local beats = time * BPM / 60
    return beats % 4, beats // 4 | 0, 4, beats, 4
  end },
  TimeMap2_beatsToTime = { { "number", "number", "number" }, function(_, beats, bar)
    return (bar * 4 + beats) * 60 / BPM
  end },
  CreateTakeAudioAccessor = { { "MediaItem_Take" }, function(take)
    return { kind = "AudioAccessor", take = take }
  end },
  GetAudioAccessorSamples = { { "AudioAccessor", "number", "number", "number", "number", "array" },
    function(accessor, rate, channels, start, count, block)
      assert(not accessor.is_destroyed and rate == RATE and channels == CHANNELS)
      assert(#block.values == count * channels, "the array is of another size")
      local first = math.floor((start + accessor.take.values.D_STARTOFFS) * rate + 0.5)
      for i = 0, count - 1 do
        for channel = 0, channels - 1 do
          block.values[i * channels + channel + 1] = sample(channel, first + i)
        end
      end
      return 1
    end },
  DestroyAudioAccessor = { { "AudioAccessor" }, function(accessor) accessor.is_destroyed = true end },
  new_array = { { "number" }, function(size)
    local block = { kind = "array", values = {} }
    block.clear = function() for i = 1, size do block.values[i] = 0.0 end end
    block.table = function() return block.values end
    return block
  end },
  AddMediaItemToTrack = { { "MediaTrack" }, function()
    change("AddMediaItemToTrack")
    local item = new_item()
    table.insert(project.items, item)
    return item
  end },
  AddTakeToMediaItem = { { "MediaItem" }, function(item)
    change("AddTakeToMediaItem")
    item.active = new_take(item, nil, "")
    return item.active
  end },
  SetMediaItemTake_Source = { { "MediaItem_Take", "PCM_source" }, function(take, source)
    change("SetMediaItemTake_Source")
    take.source = source
    return true
  end },
  PCM_Source_CreateFromFile = { { "string" }, function(path)
    assert(io.open(path, "rb"), "no such file: " .. path):close()
    return new_source(path)
  end },
  ValidatePtr2 = { { "number", "any", "string" }, function(_, pointer, kind)
    assert(pointer.kind .. "*" == kind, kind)
    if not IS_LEFT_ALONE then sent.values.D_LENGTH = sent.values.D_LENGTH / 2 end
    return true
  end },
  UpdateItemInProject = { { "MediaItem" }, function() end },
  GetProjectPath = { {}, function() return PROJECT end },
  genGuid = { { "string" }, function() return "{0A1B2C3D-0000-4000-8000-00000000000F}" end },
  GetUserInputs = { { "string", "number", "string", "string" }, function(_, count, captions, default)
    local _, commas = captions:gsub(",extrawidth=%d+", ""):gsub(",", "")
    assert(commas == count - 1, "as many captions as fields")
    assert(select(2, default:gsub(",", "")) == count - 1, "as many defaults as fields")
    return ANSWER ~= "", ANSWER
  end },
  ShowMessageBox = { { "string", "string", "number" }, function(text)
    table.insert(project.messages, text)
    return 1
  end },
  Undo_BeginBlock = { {}, function()
    assert(not open_block, "a block in a block")
    open_block = { changes = 0 }
  end },
  Undo_EndBlock = { { "string", "number" }, function(name)
    open_block.name = name
    table.insert(project.undo, open_block)
    open_block = nil
  end },
  UpdateArrange = { {}, function() project.refreshed = project.refreshed + 1 end },
  defer = { { "function" }, function(body) table.insert(deferred, body) return true end },
  time_precise = { {}, function() return seconds_passed end },
}
reaper = setmetatable({}, { __index = function(_, name) error("REAPER has no " .. name) end })
for name, call in pairs(calls) do rawset(reaper, name, taking(name, call[1], call[2])) end

-- The one window that a script may draw.
local window = { is_open = false, looks = 0 }
local function drawn() assert(window.is_open, "there is no window") end
gfx = setmetatable({ x = 0, y = 0 }, { __index = function(_, name) error("gfx has no " .. name) end })
gfx.init = taking("gfx.init", { "string", "number", "number" }, function() window.is_open = true end)
gfx.drawstr = taking("gfx.drawstr", { "string" }, drawn)
gfx.update = taking("gfx.update", {}, drawn)
gfx.quit = taking("gfx.quit", {}, function() window.is_open = false end)
gfx.getchar = taking("gfx.getchar", {}, function()
  drawn()
  window.looks = window.looks + 1
  return window.looks > LOOKS_BEFORE_KEY and KEY or 0
end)

assert(loadfile(SCRIPT))()
while #deferred > 0 do
  os.execute("sleep 0.03")  -- REAPER runs what is deferred about thirty times a second
  seconds_passed = seconds_passed + 0.03
  table.remove(deferred, 1)()
end
assert(not open_block, "an undo block was left open")
assert(not window.is_open, "a window was left open")

local report = assert(io.open(REPORT, "w"))
for _, message in ipairs(project.messages) do report:write("message\t", message, "\n") end
for _, block in ipairs(project.undo) do report:write("undo\t", block.name, "\n") end
for _, item in ipairs(project.items) do
  report:write(string.format("item\t%s\t%.9f\t%.9f\t%.9f\t%s\t%.3f\n", item.active.name,
    item.values.D_POSITION, item.values.D_LENGTH, item.active.values.D_STARTOFFS,
    item.active.source.path, item.values.D_VOL * item.active.values.D_VOL))
end
report:close()
