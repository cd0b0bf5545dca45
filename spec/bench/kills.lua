-- kills.lua -- kill -9 → the next one's birth, of several supervisors in turn: what the
-- machine does meanwhile, it does to all of them.

local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local uv = require 'luv'

local M = {}

local BUILD = os.getenv 'RS_BUILD' or 'build/release'
if BUILD:sub(1, 1) ~= '/' then
  BUILD = harness.root() .. '/' .. BUILD
end

--- @class runsmith.bench.Contender
--- @field name string
--- @field pid? integer the supervisor
--- @field birth fun(): integer, table<string, number> the next child's pid, when it did
---   what; waits for it
--- @field idle? fun(seconds: number) waits; must read what its children say
--- @field finish fun()

--- @return string path of a program of the build
function M.program(name) return BUILD .. '/' .. name end

--- Reads "PID NANOSECONDS" lines from a descriptor.
--- @return fun(): integer, table<string, number>
function M.births(fd, name)
  return function()
    assert(posix.wait_readable(fd, 5), name .. ' says nothing')
    local child, ns = assert(posix.read(fd)):match '^(%d+) (%d+)'
    return tonumber(child), { first = tonumber(ns) / 1e9 }
  end
end

--- A program that supervises one child, which says its birth on that program's stdout.
--- @param name string
--- @param argv string[]
--- @return runsmith.bench.Contender
function M.floor(name, argv)
  local read_end, write_end = posix.pipe()
  local env = { 'PATH=' .. os.getenv 'PATH' }
  local pid = posix.spawn {
    argv = argv, env = env, cwd = '.', out = write_end, err = 2,
  }
  posix.close(write_end)
  return {
    name = name,
    pid = pid,
    birth = M.births(read_end, name),
    finish = function()
      posix.kill(pid, 'KILL')
      posix.wait_gone(pid, 5)
      posix.collect(pid)
      posix.close(read_end)
    end,
  }
end

local function idle(contender, seconds)
  if contender.idle then contender.idle(seconds) else uv.sleep(seconds * 1000) end
end

--- Kills each contender's child in turn, `count` times.
--- @param contenders runsmith.bench.Contender[]
--- @param count integer
--- @param pause number seconds before each kill
--- @return table<string, table<string, number[]>> name → what → seconds
function M.run(contenders, count, pause)
  local times, children = {}, {}
  for i, one in ipairs(contenders) do
    times[one.name], children[i] = {}, (one.birth())
  end
  for round = 1, count do
    for i, one in ipairs(contenders) do
      idle(one, pause)
      local at = posix.now()
      posix.kill(children[i], 'KILL')
      local heir, born = one.birth()
      children[i] = heir
      for what, moment in pairs(born) do
        local list = times[one.name][what] or {}
        times[one.name][what] = list
        list[round] = moment - at
      end
    end
  end
  for i = #contenders, 1, -1 do -- a host is the first: it wants to leave nobody behind
    contenders[i].finish()
  end
  return times
end

return M
