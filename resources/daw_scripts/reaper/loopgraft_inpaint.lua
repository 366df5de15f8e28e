-- @description Loopgraft: inpaint time selection
-- @author Loopgraft
-- @about
--   Makes the time selection inside the selected audio item anew, to fit what is around it; the
--   rest of the item stays the same. One undo brings back what was there.
--   Installed by: loopgraft scripts install. Then: Actions > Show action list > New action > Load.

-- include: item.lua

local function main()
  local sent = selected_item()
  if not sent then return tell("Select one audio item, and the time in it to make anew.") end
  local first, last = reaper.GetSet_LoopTimeRange2(THIS_PROJECT, false, false, 0, 0, false)
  if first >= last then return tell("Select the time to make anew, inside the item.") end
  local half_frame = 0.5 / sent.rate
  local from, to = first - sent.start, last - sent.start
  if from < -half_frame or to > sent.seconds + half_frame then
    return tell("The time selection reaches out of the item; select time inside it.")
  end
  local grid, why_not = grid_of(sent)
  why_not = why_not or why_it_stays(sent)
  if why_not then return tell(why_not) end
  local answered, prompt = reaper.GetUserInputs("Inpaint time selection", 1,
    "What it should sound like,extrawidth=200", "")
  if not answered then return end
  local task = string.format("inpaint --start %s --end %s", number(math.max(0, from)), number(to))
  graft(sent, task, grid, prompt, function(path)
    put_in_place("inpaint time selection", sent, path, " inpainted")
  end)
end

main()
