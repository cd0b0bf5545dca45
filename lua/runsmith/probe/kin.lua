--- All that a probe's program started ends with the look that started it, whatever
--- group or session it went to. The runner adopts what lost its parent, and knows it by
--- a mark in its environment, or by its session.

local abi = require 'runsmith.abi'
local family = require 'runsmith.family'
local io_of = require 'runsmith.probe.io'
local owned = require 'runsmith.vm.owned'
local schedule = require 'runsmith.vm.schedule'

local M = {}

local luv = owned.luv()

local ROUNDS = 8
local NAME = 'RUNSMITH_PROBE='

local watcher -- of SIGCHLD; without it nothing is adopted
local host_env -- what every program gets
local count = 0 -- marks given so far
local looks = {} -- task → mark and the pid of its program
local now = {} -- marks of looks in progress
local over = {} -- pids of programs whose looks are over: sessions to be rid of

local function adopted()
  local own, list = owned.awaited(), {}
  for _, pid in ipairs(family.children(luv, 'self')) do
    if not own[pid] then list[#list + 1] = pid end
  end
  return list
end

-- Whether it belongs to a look that is over.
local function is_left(pid)
  local stat = io_of.read(('/proc/%d/stat'):format(pid)) or ''
  local session = stat:match '.*%) %S+ %d+ %d+ (%d+)'
  if over[tonumber(session)] then return true end
  local env = '\0' .. (io_of.read(('/proc/%d/environ'):format(pid)) or '')
  local mark = env:match('%z' .. NAME .. '(%Z+)')
  return mark ~= nil and not now[mark]
end

-- Takes note of ends that are nobody's, and brings about those that are due.
local function sweep()
  local found = false
  for _, pid in ipairs(adopted()) do
    if not abi.reap(pid) and is_left(pid) then
      family.kill_tree(luv, pid)
      found = true
    end
  end
  if not found then over = {} end
  return found
end

local function begin()
  local env = {}
  for name, value in pairs(luv.os_environ()) do
    env[#env + 1] = name .. '=' .. value
  end
  host_env = env
  abi.adopt_orphans()
  watcher = luv.new_signal()
  luv.signal_start(watcher, 'sigchld', sweep)
  luv.unref(watcher)
end

--- The environment for a program of the look in progress.
--- @return string[]
function M.environment()
  if not watcher then begin() end
  count = count + 1
  local mark = tostring(count)
  local env = { unpack(host_env) }
  env[#env + 1] = NAME .. mark
  looks[schedule.current()] = { mark = mark }
  now[mark] = true
  return env
end

--- It runs; it leads a session.
--- @param pid integer
function M.began(pid) looks[schedule.current()].pid = pid end

schedule.at_finish(function(task)
  local look = looks[task]
  if not look then return end
  looks[task], now[look.mark] = nil, nil
  if not look.pid then return end
  over[look.pid] = true
  for _, pid in ipairs(family.children(luv, look.pid)) do
    family.kill_tree(luv, pid)
  end
  for _ = 1, ROUNDS do
    if not sweep() then break end
  end
end)

return M
