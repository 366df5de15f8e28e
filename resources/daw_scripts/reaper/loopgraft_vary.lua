-- @description Loopgraft: vary item
-- @author Loopgraft
-- @about
--   Puts a variation in place of the selected item's audio. The item keeps its place, length,
--   volume, fades, envelopes and effects. One undo brings back what was there.
--   Installed by: loopgraft scripts install. Then: Actions > Show action list > New action > Load.

-- include: item.lua

local function main()
  local sent = selected_item()
  if not sent then return tell("Select one audio item, the one to vary.") end
  local grid, why_not = grid_of(sent)
  why_not = why_not or why_it_stays(sent)
  if why_not then return tell(why_not) end
  local percent, prompt = ask("Vary item", "How far it goes (%)", "50", "Give a whole number, 1 to 100 %.")
  if not percent then return end
  graft(sent, "vary --strength " .. number(percent / 100), grid, prompt, function(path)
    put_in_place("vary item", sent, path, " varied")
  end)
end

main()
