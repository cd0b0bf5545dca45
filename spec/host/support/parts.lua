-- parts.lua -- finds a host's own processes by what they are.

local posix = require 'host.support.posix'

local M = {}

-- Patterns for a process's name and command line, as Host:processes gives them.
local TITLES = {
  printer = { '__print' },
  ['fork server'] = { '__fork', 'fork%-server', 'rs%-fork', 'forkserver' },
}

local function any(text, patterns)
  for _, pattern in ipairs(patterns) do
    if text:find(pattern) then return true end
  end
  return false
end

--- @param host runsmith.spec.Host
--- @param part 'witness'|'engine'|'printer'|'fork server'
--- @return integer? pid
function M.find(host, part)
  if part == 'witness' then return host.pid end
  for _, process in ipairs(host:processes()) do
    if part == 'engine' then
      local ours = process.parent == host.pid
      if ours and not any(process.title, TITLES.printer) then return process.pid end
    elseif any(process.title, TITLES[part]) then
      return process.pid
    end
  end
  return nil
end

--- Kills it with SIGKILL and waits until it is gone. One that has just been replaced
--- may take a moment to be what it is to become.
--- @return boolean done
function M.kill(host, part)
  local by, pid = posix.now() + 10, M.find(host, part)
  while not pid and posix.now() < by do
    host:watch(0.02)
    pid = M.find(host, part)
  end
  if not pid then error('no ' .. part .. ' found' .. host:tail(), 2) end
  return posix.kill(pid, 'KILL') and posix.wait_gone(pid, 5)
end

return M
