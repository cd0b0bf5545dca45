-- Constraints of each kind, violated in each way; what ends the unit then.

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
  {
    'silence in a wait', group = NEVER,
    run = doing(function() time.sleep(60) end), trace = UP .. [[
      0 violation heartbeat in second
      0 exited interrupted (where)
    ]],
  },
  {
    'silence in a wait: it comes back',
    group = { intensity = { max = 1, within = 60 } },
    run = doing(function(_, ctx)
      if ctx.incarnation > 0 then return 'done' end
      time.sleep(60)
    end),
    trace = UP .. [[
      0 violation heartbeat in second
      0 exited interrupted (where)
      1 restart failed charged
      1 started
      1 first
      1 first -go-> second
      1 ready
      1 second -done-> over
      1 log info before_exit
      1 exited ok
      1 completed
    ]],
  },
  {
    'heartbeats keep it', group = NEVER,
    run = doing(function(_, ctx)
      for _ = 1, 8 do
        time.sleep(0.1)
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
  {
    'a stay too long, heartbeats or not', group = NEVER,
    run = doing(function() time.sleep(0.05) return 'keepalive' end, { timeout = 0.4 }),
    trace = UP .. [[
      0 violation timeout in second
      0 exited interrupted (where)
    ]],
  },
  {
    'a launch too slow', group = NEVER, fields = { launch = 0.3 },
    run = worker.define {
      lifecycle = life {}, first = function() time.sleep(60) end,
      second = function() return 'done' end, third = function() return 'done' end,
    },
    trace = [[
      0 started
      0 first
    ]],
  },
  {
    'a first state too long', group = NEVER,
    run = worker.define {
      lifecycle = {
        { 'first', timeout = 0.3, on = { go = 'second' } },
        { 'second', heartbeat = 5, on = { done = 'over' } },
        { 'over', ends = 'ok' },
      },
      first = function() time.sleep(60) end,
      second = function() return 'done' end,
    },
    trace = [[
      0 started
      0 first
      0 violation timeout in first
      0 exited interrupted (where)
    ]],
  },
  {
    'a transition too long in leave', group = NEVER,
    run = worker.define {
      lifecycle = life { move = 0.3 }, second = function() return 'move' end,
      third = function() return 'done' end,
      leave = { second = function() time.sleep(60) end }, before_exit = before_exit,
    },
    trace = UP .. [[
      0 violation transition in second
      0 exited interrupted (where)
    ]],
  },
  {
    'a transition too long in enter', group = NEVER,
    run = worker.define {
      lifecycle = life { move = 0.3 }, second = function() return 'move' end,
      third = function() return 'done' end,
      enter = { third = function() time.sleep(60) end }, before_exit = before_exit,
    },
    trace = UP .. [[
      0 violation transition in second
      0 exited interrupted (where)
    ]],
  },
  {
    'a before_exit without an end', group = NEVER, fields = { shutdown = 0.3 },
    run = worker.define {
      lifecycle = life {}, second = function() return 'done' end,
      third = function() return 'done' end,
      before_exit = function() while true do time.sleep(0.05) end end,
    },
    trace = UP .. [[
      0 second -done-> over
      0 violation shutdown in over
      0 exited interrupted (where)
    ]],
  },
  {
    'timeouts that the tree overrides', group = NEVER,
    fields = { lifecycle = { second = { heartbeat = 0.2 } } },
    run = doing(function() time.sleep(60) end, { heartbeat = 60 }), trace = UP .. [[
      0 violation heartbeat in second
      0 exited interrupted (where)
    ]],
  },
}
