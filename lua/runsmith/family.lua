--- All that a program has started, found in /proc and ended with it. Its group is one
--- signal; who has left the group is found as a descendant while its parent lives, and
--- afterwards among the engine's children by the mark in its first environment.

local folder = require 'runsmith.folder'
local owned = require 'runsmith.vm.owned'

local M = {}

local DEPTH_MAX = 64
local MARK = 'RUNSMITH_WORKER' -- path#incarnation of who started it

local function read(path)
  local file = io.open(path, 'rb')
  if not file then return '' end
  local text = file:read '*a' or ''
  file:close()
  return text
end

--- A process's children, as they are now.
--- @param pid integer|'self'
--- @return integer[]
function M.children(pid)
  local list = {}
  local tasks = ('/proc/%s/task'):format(pid)
  for _, thread in ipairs(folder.names(owned.luv(), tasks) or {}) do
    for child in read(('%s/%s/children'):format(tasks, thread)):gmatch '%d+' do
      list[#list + 1] = tonumber(child)
    end
  end
  return list
end

local function descendants(pid, found, depth)
  if depth > DEPTH_MAX then return found end
  for _, child in ipairs(M.children(pid)) do
    found[#found + 1] = child
    descendants(child, found, depth + 1)
  end
  return found
end

local function kill_all(pids)
  for _, pid in ipairs(pids) do
    owned.luv().kill(pid, 'sigkill')
  end
end

--- Kills a process and its descendants, as they are now.
--- @param pid integer
function M.kill_tree(pid) kill_all(descendants(pid, { pid }, 1)) end

--- Kills a program that leads its group, its group and its descendants. They are
--- stopped first, so that none starts another when it sees its child die.
--- @param pid integer
function M.kill(pid)
  local uv = owned.luv()
  uv.kill(-pid, 'sigstop')
  kill_all(descendants(pid, {}, 1))
  uv.kill(-pid, 'sigkill')
end

--- Kills what is left of a group whose leader has ended.
--- @param pid integer the leader's
function M.kill_group(pid) owned.luv().kill(-pid, 'sigkill') end

--- The line of an environment by which `orphans` finds who has it.
--- @param owner string path#incarnation
--- @return string
function M.mark(owner) return MARK .. '=' .. owner end

--- Kills those that have come to the engine because who started them has ended.
--- @param owner string path#incarnation
function M.orphans(owner)
  local mark = '\0' .. M.mark(owner) .. '\0'
  for _, pid in ipairs(M.children(owned.luv().os_getppid())) do
    local environment = '\0' .. read(('/proc/%d/environ'):format(pid))
    if environment:find(mark, 1, true) then M.kill_tree(pid) end
  end
end

return M
