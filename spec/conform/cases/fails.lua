-- Ways to fail that raise or return what is wrong.

local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local NEVER = { intensity = { max = 0, within = 60 } }
local PLAIN = {
  { 'first', on = { go = 'second' } },
  { 'second', heartbeat = 5, on = { done = 'over' } },
  { 'over', ends = 'ok' },
}
local CAUGHT = {
  { 'first', on = { go = 'second', error = 'caught' } },
  { 'second', heartbeat = 5, on = { done = 'over', error = 'caught' } },
  { 'caught', on = { told = 'fallen' } },
  { 'over', ends = 'ok' },
  { 'fallen', ends = 'error' },
}

local function caught(_, ctx)
  local message = ctx.exception.message:gsub('^.-:%d+: ', '')
  log.info('caught', {
    message = message:match '^[^\n]*',
    place = ctx.exception.traceback:find 'cases/' ~= nil,
  })
  return 'told'
end

local function before_exit(_, ctx, graceful)
  log.info('before_exit', { graceful = graceful, why = ctx.exception ~= nil })
end

local UP = [[
  0 started
  0 first
  0 first -go-> second
  0 ready
]]

return {
  {
    'an error in the first state is a failed start',
    group = NEVER,
    run = worker.define {
      lifecycle = PLAIN, first = function() error 'oh' end, before_exit = before_exit,
    },
    trace = [[
      0 started
      0 first
      0 log info before_exit graceful=false why=true
      0 exited exception oh
    ]],
  },
  {
    'an error when ready',
    group = { intensity = { max = 1, within = 60 } },
    run = worker.define {
      lifecycle = PLAIN, second = function() error 'oh' end, before_exit = before_exit,
    },
    trace = UP .. [[
      0 log info before_exit graceful=false why=true
      0 exited exception oh
      1 restart failed charged
      1 started
      1 first
      1 first -go-> second
      1 ready
      1 log info before_exit graceful=false why=true
      1 exited exception oh
    ]],
  },
  {
    'an error that an edge takes',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, before_exit = before_exit,
      second = function() error 'oh' end,
      leave = {
        second = function(_, ctx, event, to)
          log.info('leave', { e = event, t = to, known = ctx.exception ~= nil })
        end,
      },
      enter = { caught = function(_, _, event) log.info('enter', { e = event }) end },
    },
    trace = UP .. [[
      0 log info leave e=error known=true t=caught
      0 log info enter e=error
      0 second -error-> caught
      0 log info caught message=oh place=true
      0 caught -told-> fallen
      0 log info before_exit graceful=true why=true
      0 exited error oh
    ]],
  },
  {
    'error returned as an event',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, second = function() return 'error' end,
      caught = function(_, ctx)
        log.info('exception', { known = ctx.exception ~= nil })
        return 'told'
      end,
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info exception known=false
      0 caught -told-> fallen
      0 exited error
    ]],
  },
  {
    'nil returned',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, second = function() end,
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info caught message=second returned nil, which is neither 'keepalive'
      0 caught -told-> fallen
      0 exited error second returned nil, which is neither 'keepalive' nor an even
    ]],
  },
  {
    'an event of another state returned',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, second = function() return 'go' end,
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info caught message=second returned "go", which is neither 'keepalive'
      0 caught -told-> fallen
      0 exited error second returned "go", which is neither 'keepalive' nor an eve
    ]],
  },
  {
    'a number returned, with no edge',
    group = NEVER,
    run = worker.define { lifecycle = PLAIN, second = function() return 42 end },
    trace = UP .. [[
      0 exited exception second returned 42, which is neither 'keepalive' nor an e
    ]],
  },
  {
    'a table raised',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, second = function() error { code = 7 } end,
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info caught message=an error that is a table with code 7 place=true
      0 caught -told-> fallen
      0 exited error an error that is a table with code 7
    ]],
  },
  {
    'a table with a message raised',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught,
      second = function() error { message = 'gone', code = 404 } end,
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info caught message=404: gone place=true
      0 caught -told-> fallen
      0 exited error 404: gone
    ]],
  },
  {
    'nil raised',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, second = function() error() end,
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info caught message=an error that is nil place=true
      0 caught -told-> fallen
      0 exited error an error that is nil
    ]],
  },
  {
    'an error in a leave hook',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, second = function() return 'done' end,
      leave = {
        second = function(_, _, event)
          if event == 'done' then error 'in leave' end
        end,
      },
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info caught message=in leave place=true
      0 caught -told-> fallen
      0 exited error in leave
    ]],
  },
  {
    'an error in an enter hook',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, second = function() return 'done' end,
      enter = { over = function() error 'in enter' end },
    },
    trace = UP .. [[
      0 second -error-> caught
      0 log info caught message=in enter place=true
      0 caught -told-> fallen
      0 exited error in enter
    ]],
  },
  {
    'an error in a hook, with no edge',
    group = NEVER,
    run = worker.define {
      lifecycle = PLAIN, before_exit = before_exit,
      leave = { first = function() error 'in leave' end },
    },
    trace = [[
      0 started
      0 first
      0 log info before_exit graceful=false why=true
      0 exited exception in leave
    ]],
  },
  {
    'an error in the hook of the error edge',
    group = NEVER,
    run = worker.define {
      lifecycle = CAUGHT, caught = caught, second = function() error 'first' end,
      leave = { second = function() error 'second' end }, before_exit = before_exit,
    },
    trace = UP .. [[
      0 log info before_exit graceful=false why=true
      0 exited exception second
    ]],
  },
  {
    'an error in before_exit after a good end',
    group = NEVER,
    run = worker.define {
      lifecycle = PLAIN, second = function() return 'done' end,
      before_exit = function() error 'at the end' end,
    },
    trace = UP .. [[
      0 second -done-> over
      0 exited exception at the end
    ]],
  },
  {
    'an error in before_exit after a bad end',
    group = NEVER,
    run = worker.define {
      lifecycle = PLAIN, second = function() error 'first' end,
      before_exit = function() error 'at the end' end,
    },
    trace = UP .. [[
      0 exited exception first
    ]],
  },
  {
    'a task that raises',
    group = NEVER,
    run = function() time.sleep(0.01) error 'in the task' end,
    trace = [[
      0 started
      0 running
      0 ready
      0 exited exception in the task
    ]],
  },
  {
    'an error in a coroutine of its own',
    group = NEVER,
    run = worker.define {
      lifecycle = PLAIN,
      second = function()
        coroutine.wrap(function() time.sleep(0.01) end)()
      end,
    },
    trace = UP .. [[
      0 exited exception only the worker itself can wait: not a callback, nor a co
    ]],
  },
  {
    'its stack overflows',
    group = NEVER,
    run = worker.define {
      lifecycle = PLAIN,
      second = function()
        local function deeper(n) return 1 + deeper(n + 1) end
        return deeper(1)
      end,
    },
    trace = UP .. [[
      0 exited exception stack overflow
    ]],
  },
  {
    'restarts until its supervisor gives up',
    group = { intensity = { max = 2, within = 60 } },
    run = worker.define {
      lifecycle = PLAIN,
      second = function(_, ctx) error('number ' .. ctx.incarnation) end,
    },
    trace = UP .. [[
      0 exited exception number 0
      1 restart failed charged
      1 started
      1 first
      1 first -go-> second
      1 ready
      1 exited exception number 1
      2 restart failed charged
      2 started
      2 first
      2 first -go-> second
      2 ready
      2 exited exception number 2
    ]],
  },
  {
    'a limit of its own',
    group = { intensity = { max = 10, within = 60 } },
    fields = { intensity = { max = 1, within = 60 } },
    run = function(ctx) error('number ' .. ctx.incarnation) end,
    trace = [[
      0 started
      0 running
      0 ready
      0 exited exception number 0
      1 restart failed charged
      1 started
      1 running
      1 ready
      1 exited exception number 1
    ]],
  },
  {
    'a backoff between restarts',
    group = {
      intensity = { max = 2, within = 60 },
      backoff = { first = 0.02, factor = 2, max = 0.05 },
    },
    run = function(ctx) error('number ' .. ctx.incarnation) end,
    trace = [[
      0 started
      0 running
      0 ready
      0 exited exception number 0
      1 restart failed charged
      1 started
      1 running
      1 ready
      1 exited exception number 1
      2 restart failed charged
      2 started
      2 running
      2 ready
      2 exited exception number 2
    ]],
  },
}
