--- All that a program has started, found in /proc and ended with it. Its group is one
--- signal; who has left the group is found as a descendant while its parent lives, and
--- afterwards among the engine's children by the mark in its first environment.

local folder = require 'runsmith.folder'
local owned = require 'runsmith.vm.owned'

local M = {}

local DEPTH_MAX = 64
local LOOKS, PAUSE = 50, 1 -- at one in its exec; ms between them
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

-- In the middle of an exec a process has no environment: not even where it ends is
-- known (proc(5), stat: env_end).
local function is_in_exec(pid)
  local state, rest = read(('/proc/%d/stat'):format(pid)):match '.*%) (%S)(.*)'
  local number = 0
  for field in (rest or ''):gmatch '%S+' do
    number = number + 1
    if number == 48 then return field == '0' and state ~= 'Z' and state ~= 'X' end
  end
end

local function environment_of(pid)
  local path = ('/proc/%d/environ'):format(pid)
  for _ = 1, LOOKS do
    local text = read(path)
    if text ~= '' or not is_in_exec(pid) then return text end
    owned.luv().sleep(PAUSE)
  end
  return ''
end

-- Kills those with the mark that are found, and are not known yet; whether there were
-- any.
local function kill_marked(mark, known)
  local some = false
  for _, pid in ipairs(M.children(owned.luv().os_getppid())) do
    local is_new = not known[pid]
    if is_new and ('\0' .. environment_of(pid)):find(mark, 1, true) then
      known[pid], some = true, true
      M.kill_tree(pid)
    end
  end
  return some
end

--- Kills those that have come to the engine because who started them has ended. A list
--- of children may lack some while others of them go (proc(5)), so it is read until
--- nobody new is in it twice in a row.
--- @param owner string path#incarnation
function M.orphans(owner)
  local mark, known = '\0' .. M.mark(owner) .. '\0', {}
  repeat
    local some = kill_marked(mark, known)
    some = kill_marked(mark, known) or some
  until not some
end

return M
