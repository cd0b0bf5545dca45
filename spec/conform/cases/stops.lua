-- Stops: in each state, heeded, late, ignored; by operators.

local log = require 'std.log'
local task = require 'std.task'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local LIFE = {
  { 'first', timeout = 5, on = { go = 'second' } },
  { 'second', heartbeat = 60, on = { stop = 'closing', error = 'fallen' } },
  { 'closing', timeout = 5, on = { closed = 'over' } },
  { 'over', ends = 'ok' },
  { 'fallen', ends = 'error' },
}
local STOP = { { '0 ready', 'stop' } }

local function before_exit(_, ctx, graceful)
  log.info('before_exit', { graceful = graceful, stopping = ctx.stopping })
end

local function with(functions)
  functions.before_exit = before_exit
  if not functions.lifecycle then
    functions.lifecycle = LIFE
    functions.closing = functions.closing or function() return 'closed' end
  end
  return worker.define(functions)
end

local function heed(_, ctx)
  if ctx.stopping then return 'stop' end
  time.sleep(60)
  return 'keepalive'
end

local UP = [[
  0 started
  0 first
  0 first -go-> second
  0 ready
]]
local CLOSED = [[
  0 second -stop-> closing
  0 closing -closed-> over
  0 log info before_exit graceful=true stopping=true
  0 exited ok expected
]]

return {
  { 'in a wait', run = with { second = heed }, steps = STOP, trace = UP .. [[
      0 stop
    ]] .. CLOSED },
  {
    'what a wait returns', steps = { { '0 log info asleep', 'stop' } }, trace = UP .. [[
      0 log info asleep
      0 stop
      0 log info slept r=stopping
      0 log info then r=stopping
      0 log info then r=true
      0 second -stop-> closing
      0 log info closing r=true
      0 closing -closed-> over
      0 log info before_exit graceful=true stopping=true
      0 exited ok expected
    ]],
    run = with {
      second = function()
        -- Beside the worker: it runs once the worker waits.
        task.spawn(function() log.info 'asleep' end)
        for _ = 1, 3 do
          local slept, why = time.sleep(10)
          log.info('slept', { r = slept or why })
          if not slept then
            slept, why = time.sleep(0.05)
            log.info('then', { r = slept or why })
            slept, why = time.sleep(0.05)
            log.info('then', { r = slept or why })
            return 'stop'
          end
          time.sleep(60)
          log.info 'woken'
        end
      end,
      closing = function()
        local slept, why = time.sleep(0.02)
        log.info('closing', { r = slept or why })
        return 'closed'
      end,
    },
  },
  {
    'in the first state', trace = [[
      0 started
      0 first
      0 stop
      0 log info first r=stopping
      0 first -go-> second
      0 ready
    ]] .. CLOSED, steps = { { '0 first', 'stop' } },
    run = with {
      first = function()
        local slept, why = time.sleep(60)
        log.info('first', { r = slept or why })
        return 'go'
      end,
      second = heed,
    },
  },
  {
    'while it computes', steps = STOP, trace = UP .. [[
      0 stop
    ]] .. CLOSED, fields = { stall = 5 },
    run = with {
      second = function(_, ctx)
        while not ctx.stopping do
        end
        return 'stop'
      end,
    },
  },
  {
    'while it heartbeats', steps = STOP, trace = UP .. [[
      0 stop
    ]] .. CLOSED, fields = { stall = 5 },
    run = with {
      second = function(_, ctx)
        while not ctx:heartbeat() do
          time.sleep(0.01)
        end
        return 'stop'
      end,
    },
  },
  {
    'in a hook', steps = { { '0 log info entering', 'stop' } }, trace = [[
      0 started
      0 first
      0 log info entering
      0 stop
      0 log info enter r=stopping
      0 first -go-> second
      0 ready
    ]] .. CLOSED,
    run = with {
      second = heed,
      enter = {
        second = function()
          log.info 'entering'
          local slept, why = time.sleep(60)
          log.info('enter', { r = slept or why })
        end,
      },
    },
  },
  {
    'in a later state', steps = { { '0 second -stop-> closing', 'stop' } },
    trace = UP .. [[
      0 second -stop-> closing
      0 stop
      0 log info closing r=stopping
      0 closing -closed-> over
      0 log info before_exit graceful=true stopping=true
      0 exited ok expected
    ]],
    run = with {
      second = function() return 'stop' end,
      closing = function()
        local slept, why = time.sleep(60)
        log.info('closing', { r = slept or why })
        return 'closed'
      end,
    },
  },
  {
    'between two calls', steps = STOP, trace = [[
      0 started
      0 first
      0 first -go-> paced
      0 ready
      0 stop
      0 paced -stop-> over
      0 log info before_exit graceful=true stopping=true
      0 exited ok expected
    ]],
    run = with {
      lifecycle = {
        { 'first', on = { go = 'paced' } },
        { 'paced', heartbeat = 60, every = 60, on = { stop = 'over' } },
        { 'over', ends = 'ok' },
      },
      paced = function(_, ctx) return ctx.stopping and 'stop' or 'keepalive' end,
    },
  },
  {
    'ignored, with keepalives', vague = true, steps = STOP, trace = UP .. [[
      0 stop
      0 violation heartbeat in second
      0 exited interrupted expected
    ]],
    fields = { lifecycle = { second = { heartbeat = 0.3 } } },
    run = with { second = function() time.sleep(0.02) return 'keepalive' end },
  },
  {
    'ignored, in waits', steps = STOP, trace = UP .. [[
      0 stop
      0 violation shutdown in second
      0 exited interrupted expected (where)
    ]], fields = { shutdown = 0.2 },
    run = with { second = function() while true do time.sleep(60) end end },
  },
  {
    'ignored, with time to close', steps = STOP, trace = UP .. [[
      0 stop
      0 second -stop-> closing
      0 violation shutdown in closing
      0 exited interrupted expected (where)
    ]], fields = { shutdown = 0.3 },
    run = with {
      second = heed, closing = function() time.sleep(60) return 'closed' end,
    },
  },
  {
    'no time to close', steps = STOP, trace = UP .. [[
      0 stop
      0 violation shutdown in second
      0 exited interrupted expected (where)
    ]], fields = { shutdown = 0 },
    run = with { second = function() while true do time.sleep(60) end end },
  },
  {
    'killed, not asked', steps = STOP, trace = UP .. [[
      0 stop
      0 exited interrupted expected (where)
    ]], fields = { shutdown = 'kill' },
    run = with { second = heed },
  },
  {
    'an error while stopping', steps = STOP, trace = UP .. [[
      0 stop
      0 second -error-> fallen
      0 log info before_exit graceful=true stopping=true
      0 exited error expected at the stop
    ]],
    run = with {
      second = function(_, ctx)
        if ctx.stopping then error 'at the stop' end
        time.sleep(60)
        return 'keepalive'
      end,
    },
  },
  {
    'a task that heeds it', steps = STOP, trace = [[
      0 started
      0 running
      0 ready
      0 stop
      0 log info slept r=stopping stopping=true
      0 exited ok expected
    ]],
    run = function(ctx)
      local slept, why = time.sleep(60)
      log.info('slept', { r = slept or why, stopping = ctx.stopping })
    end,
  },
  {
    'a task that does not', steps = STOP, trace = [[
      0 started
      0 running
      0 ready
      0 stop
      0 violation shutdown in running
      0 exited interrupted expected (where)
    ]], fields = { shutdown = 0.2 },
    run = function() while true do time.sleep(60) end end,
  },
  {
    'restarted by an operator', steps = { { '0 ready', 'restart' } }, trace = UP .. [[
      0 stop
      0 second -stop-> closing
      0 closing -closed-> over
      0 log info before_exit graceful=true stopping=true
      0 exited ok expected
      1 restart operator
      1 started
      1 first
      1 first -go-> second
      1 ready
    ]],
    run = with { second = heed },
  },
  {
    'killed by an operator', steps = { { '0 ready', 'kill' } }, trace = UP .. [[
      0 stop
      0 exited interrupted (where)
      1 restart operator
      1 started
      1 first
      1 first -go-> second
      1 ready
    ]],
    run = with { second = heed },
  },
  {
    'stopped, then started', trace = UP .. [[
      0 stop
      0 second -stop-> closing
      0 closing -closed-> over
      0 log info before_exit graceful=true stopping=true
      0 exited ok expected
      1 start
      1 started
      1 first
      1 first -go-> second
      1 ready
    ]],
    steps = { { '0 ready', 'stop' }, { '0 exited ok expected', 'start' } },
    run = with { second = heed },
  },
  {
    'stopped in its backoff', trace = UP .. [[
      0 second -error-> fallen
      0 log info before_exit graceful=true stopping=false
      0 exited error oh
      1 restart failed charged
      1 stop
    ]],
    group = { backoff = { first = 60 } },
    steps = { { '1 restart failed charged', 'stop' } },
    run = with { second = function() error 'oh' end },
  },
  {
    'permanent, and completing when asked', steps = STOP, trace = UP .. [[
      0 stop
    ]] .. CLOSED,
    fields = { restart = 'permanent' }, run = with { second = heed },
  },
}
