-- @description Loopgraft: lead into item
-- @author Loopgraft
-- @about
--   Leads into the selected audio item. The new bars are placed directly before it, on the same
--   track, in the project's tempo. One undo takes them off again.
--   Installed by: loopgraft scripts install. Then: Actions > Show action list > New action > Load.

-- include: item.lua

extend("Lead into item", "backward", function(sent, seconds)
  return sent.start - seconds
end)
