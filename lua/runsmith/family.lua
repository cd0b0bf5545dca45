--- All that a program has started, found in /proc and ended with it. Its group is one
--- signal; who has left the group is found as a descendant while its parent lives, and
--- afterwards among the engine's children by the mark in its first environment.

local folder = require 'runsmith.folder'

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
--- @param uv table luv
--- @param pid integer|'self'
--- @return integer[]
function M.children(uv, pid)
  local list = {}
  local tasks = ('/proc/%s/task'):format(pid)
  for _, thread in ipairs(folder.names(uv, tasks) or {}) do
    for child in read(('%s/%s/children'):format(tasks, thread)):gmatch '%d+' do
      list[#list + 1] = tonumber(child)
    end
  end
  return list
end

local function descendants(uv, pid, found, depth)
  if depth > DEPTH_MAX then return found end
  for _, child in ipairs(M.children(uv, pid)) do
    found[#found + 1] = child
    descendants(uv, child, found, depth + 1)
  end
  return found
end

local function kill_below(uv, pid, depth)
  uv.kill(pid, 'sigstop')
  local children = depth < DEPTH_MAX and M.children(uv, pid) or {}
  uv.kill(pid, 'sigkill')
  for _, child in ipairs(children) do
    kill_below(uv, child, depth + 1)
  end
end

--- Kills a process and its descendants. Each is stopped first, so that it starts nobody
--- else.
--- @param uv table luv
--- @param pid integer
function M.kill_tree(uv, pid) kill_below(uv, pid, 0) end

--- Kills a program that leads its group, its group and its descendants. They are
--- stopped first, so that none starts another when it sees its child die.
--- @param uv table luv
--- @param pid integer
function M.kill(uv, pid)
  uv.kill(-pid, 'sigstop')
  for _, child in ipairs(descendants(uv, pid, {}, 1)) do
    uv.kill(child, 'sigkill')
  end
  uv.kill(-pid, 'sigkill')
end

--- Kills what is left of a group whose leader has ended.
--- @param uv table luv
--- @param pid integer the leader's
function M.kill_group(uv, pid) uv.kill(-pid, 'sigkill') end

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

local function environment_of(uv, pid)
  local path = ('/proc/%d/environ'):format(pid)
  for _ = 1, LOOKS do
    local text = read(path)
    if text ~= '' or not is_in_exec(pid) then return text end
    uv.sleep(PAUSE)
  end
  return ''
end

-- Kills those with the mark that are found, and are not known yet; whether there were
-- any.
local function kill_marked(uv, mark, known)
  local some = false
  for _, pid in ipairs(M.children(uv, uv.os_getppid())) do
    local is_new = not known[pid]
    if is_new and ('\0' .. environment_of(uv, pid)):find(mark, 1, true) then
      known[pid], some = true, true
      M.kill_tree(uv, pid)
    end
  end
  return some
end

--- Kills those that have come to the engine because who started them has ended. A list
--- of children may lack some while others of them go (proc(5)), so it is read until
--- nobody new is in it twice in a row.
--- @param uv table luv
--- @param owner string path#incarnation
function M.orphans(uv, owner)
  local mark, known = '\0' .. M.mark(owner) .. '\0', {}
  repeat
    local some = kill_marked(uv, mark, known)
    some = kill_marked(uv, mark, known) or some
  until not some
end

return M
