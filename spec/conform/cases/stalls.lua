-- Workers that never wait: loops and calls, ended by the ladder's interrupt.

local deeds = require 'deeds'
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local NEVER = { intensity = { max = 0, within = 60 } }

local function life(fields)
  return {
    { 'first', timeout = 5, on = { go = 'second' } },
    { 'second', heartbeat = fields.heartbeat or 5, timeout = fields.timeout,
      every = fields.every,
      on = {
        move = { 'third', timeout = fields.move or 5 }, done = 'over', error = 'fallen',
      } },
    { 'third', heartbeat = 5, on = { done = 'over' } },
    { 'over', ends = 'ok' },
    { 'fallen', ends = 'error' },
  }
end

local function before_exit() log.info 'before_exit' end

-- A worker that does this in its second state.
local function doing(deed, fields)
  return worker.define {
    lifecycle = life(fields or { heartbeat = 0.3 }), second = deed,
    before_exit = before_exit,
  }
end

local UP = [[
  0 started
  0 first
  0 first -go-> second
  0 ready
]]

return {
  alone = true, vague = true,
  {
    'a loop that is interpreted', group = NEVER, fields = { stall = 0.3 },
    run = doing(deeds.interpreted, {}), trace = UP .. [[
      0 violation stall in second
      0 exited interrupted
    ]],
  },
  {
    'a loop that is compiled', group = NEVER, fields = { stall = 0.3 },
    run = doing(deeds.compiled, {}), trace = UP .. [[
      0 violation stall in second
      0 exited interrupted
    ]],
  },
  {
    'a loop in pcall', group = NEVER, fields = { stall = 0.3 },
    run = doing(deeds.protected, {}), trace = UP .. [[
      0 violation stall in second
      0 exited interrupted
    ]],
  },
  {
    'a loop in coroutines', group = NEVER, fields = { stall = 0.3 },
    run = doing(deeds.nested, {}), trace = UP .. [[
      0 violation stall in second
      0 exited interrupted
    ]],
  },
  {
    'a loop against a heartbeat alone', group = NEVER,
    run = doing(deeds.compiled, { heartbeat = 0.3 }), trace = UP .. [[
      0 violation heartbeat in second
      0 exited interrupted
    ]],
  },
  {
    'a loop in a task', group = NEVER, fields = { stall = 0.3 },
    run = function() deeds.compiled() end, trace = [[
      0 started
      0 running
      0 ready
      0 violation stall in running
      0 exited interrupted
    ]],
  },
  {
    'a loop in a hook', group = NEVER, fields = { stall = 0.3 },
    run = worker.define {
      lifecycle = life {}, second = function() return 'move' end,
      third = function() return 'done' end, leave = { second = deeds.compiled },
    },
    trace = UP .. [[
      0 violation stall in second
      0 exited interrupted
    ]],
  },
  {
    'a loop in before_exit', group = NEVER, fields = { stall = 0.3 },
    run = worker.define {
      lifecycle = life {}, second = function() return 'done' end,
      third = function() return 'done' end, before_exit = deeds.compiled,
    },
    trace = UP .. [[
      0 second -done-> over
      0 violation stall in over
      0 exited interrupted
    ]],
  },
  {
    'a call that an interrupt breaks', group = NEVER, fields = { stall = 0.3 },
    run = doing(deeds.usleep, {}), trace = UP .. [[
      0 violation stall in second
      0 exited interrupted
    ]],
  },
  {
    'a read of nothing', group = NEVER, fields = { stall = 0.3 },
    run = doing(deeds.read, {}), trace = UP .. [[
      0 violation stall in second
      0 exited interrupted
    ]],
  },
  {
    'a loop that waits and heartbeats goes on', group = NEVER, fields = { stall = 0.3 },
    run = doing(function(_, ctx)
      local till = time.mono() + 0.8
      while time.mono() < till do
        ctx:heartbeat()
      end
      return 'done'
    end),
    trace = UP .. [[
      0 second -done-> over
      0 log info before_exit
      0 exited ok
      0 completed
    ]],
  },
}
