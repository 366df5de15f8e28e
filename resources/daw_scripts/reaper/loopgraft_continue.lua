-- @description Loopgraft: continue item
-- @author Loopgraft
-- @about
--   Continues the selected audio item. The new bars are placed directly after it, on the same
--   track, in the project's tempo. One undo takes them off again.
--   Installed by: loopgraft scripts install. Then: Actions > Show action list > New action > Load.

-- include: item.lua

extend("Continue item", "forward", function(sent, _)
  return sent.start + sent.seconds
end)
