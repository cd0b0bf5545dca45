--- The commands of the command line, in the order in which people meet them. Overview,
--- help, completion and manual all come from here.
local M = {}

M.NAMES = {
  'run', 'check', 'lifecycle', 'status', 'top', 'journal', 'why', 'start', 'stop',
  'restart', 'kill', 'add', 'remove', 'plan', 'reload', 'eval', 'init', 'completion',
  'version',
}

local MODULES = { init = 'cli.project' } -- cli.init is the command line itself

--- @param name string
--- @return table? command
function M.find(name)
  for _, known in ipairs(M.NAMES) do
    if known == name then return require(MODULES[name] or 'cli.' .. name) end
  end
end

--- @return table[] commands
function M.all()
  local list = {}
  for i, name in ipairs(M.NAMES) do
    list[i] = M.find(name)
  end
  return list
end

return M
