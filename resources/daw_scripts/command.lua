-- How a script runs Loopgraft's command line: a DAW's Lua cannot open a socket, but it can start a
-- program, and that one talks to the engine that is kept warm.

-- `loopgraft scripts install` writes here how this computer starts it, quoted for sh.
local LOOPGRAFT = "loopgraft"
local TITLE = "Loopgraft"
local BLOCK_FRAMES = 8192
-- Exit codes that come with a sentence; a shell says 126 and 127 where there is no such program.
local LAST_SPOKEN_CODE, NOT_THERE = 5, { ["126"] = true, ["127"] = true }
local INSTALL_AGAIN = "Loopgraft is not where it was; run “loopgraft scripts install” again."

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

local function remove_folder(folder)
  os.execute("rm -r " .. quote(folder))
end

-- What comes before so many frames of 32-bit float in a WAV.
local function wav_head(channels, rate, frames)
  local bytes = frames * channels * 4
  return string.pack("<c4I4c4c4I4I2I2I4I4I2I2c4I4", "RIFF", 36 + bytes, "WAVE", "fmt ", 16, 3,
    channels, rate, rate * channels * 4, channels * 4, 32, "data", bytes)
end

-- The command line that makes `result` of `source`. task: its words, such as "vary --strength 1".
local function command_line(task, source, result, grid, prompt)
  local name, options = task:match("^(%S+)(.*)$")
  local command = string.format("%s %s %s%s --bpm %s --downbeat %s --out %s --json", LOOPGRAFT, name,
    quote(source), options, number(grid.bpm), number(grid.downbeat), quote(result))
  return prompt == "" and command or command .. " --prompt=" .. quote(prompt)
end

-- The command line as one for sh that leaves in the folder what it says and how it ended.
local function logged(command, folder)
  local function in_folder(name) return quote(folder .. "/" .. name) end
  return string.format("{ %s > %s 2> %s & echo $! > %s; wait $!; echo $? > %s; }", command,
    in_folder("result"), in_folder("progress"), in_folder("process"), in_folder("code"))
end

-- Frames [start, stop) of what was made: nil and a sentence where nothing was.
local function made_in(folder)
  local code = read_file(folder .. "/code"):match("^(%d+)\n")
  local said = read_file(folder .. "/progress")
  if NOT_THERE[code] or said:find("No module named plugin_bridge", 1, true) then
    return nil, INSTALL_AGAIN
  end
  if code ~= "0" then
    local sentence = said:match("([^\n]+)\n*$")
    if sentence and code and tonumber(code) <= LAST_SPOKEN_CODE then return nil, sentence end
    return nil, "Loopgraft ended before it was done; try again."
  end
  local start, stop = read_file(folder .. "/result"):match('"grafted": %[%[(%d+), (%d+)%]')
  if not start then return nil, "Loopgraft did not say what it made." end
  return tonumber(start), tonumber(stop)
end
