-- A reload that changes args: what is stopped, what is handed over, what goes on.

local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local LIFE = {
  { 'first', on = { go = 'living' } },
  { 'living', heartbeat = 60, on = { stop = 'closing', error = 'fallen' } },
  { 'closing', timeout = 5, on = { closed = 'over' } },
  { 'over', ends = 'ok' },
  { 'fallen', ends = 'error' },
}
local RELOAD = { { '0 ready', 'reload' } }
local OLD, NEW = { args = { version = 1 } }, { args = { version = 2 } }

local function wait(_, ctx)
  if ctx.stopping then return 'stop' end
  time.sleep(60)
  return 'keepalive'
end

local function migrate(_, ctx, data)
  log.info('migrate', {
    v = ctx.args.version, data = data and data.count, s = #ctx.history,
  })
  ctx.data = data
end

-- Ends in order, leaving `ctx.data`.
local function leaving(functions)
  functions.lifecycle = functions.lifecycle or LIFE
  functions.first = functions.first or function(_, ctx)
    log.info('first', { has = ctx.data and ctx.data.count or 'nothing' })
    ctx.data = { count = (ctx.data and ctx.data.count or 0) + 1 }
    return 'go'
  end
  functions.living = functions.living or wait
  return worker.define(functions)
end

local UP = [[
  0 started
  0 first
  0 log info first has=nothing
  0 first -go-> living
  0 ready
]]

return {
  {
    'handed over', fields = OLD, second = NEW, steps = RELOAD, trace = UP .. [[
      0 living -stop-> closing
      0 closing -closed-> over
      0 exited ok expected
      1 restart reload
      1 started with data
      1 log info migrate data=1 s=0 v=2
      1 first
      1 log info first has=1
      1 first -go-> living
      1 ready
    ]],
    run = leaving { migrate = migrate },
  },
  {
    'handed over by one that computes', fields = { args = { version = 1 }, stall = 5 },
    second = NEW, steps = RELOAD, trace = UP .. [[
      0 living -stop-> over
      0 exited ok expected
      1 restart reload
      1 started with data
      1 log info migrate data=1 s=0 v=2
      1 first
      1 log info first has=1
      1 first -go-> living
      1 ready
    ]],
    run = leaving {
      lifecycle = {
        { 'first', on = { go = 'living' } },
        { 'living', heartbeat = 60, on = { stop = 'over' } },
        { 'over', ends = 'ok' },
      },
      migrate = migrate,
      living = function(_, ctx)
        if ctx.incarnation > 0 then return wait(nil, ctx) end
        while not ctx.stopping do
        end
        return 'stop'
      end,
    },
  },
  {
    'no migrate', fields = OLD, second = NEW, steps = RELOAD, trace = UP .. [[
      0 living -stop-> closing
      0 closing -closed-> over
      0 exited ok expected
      1 restart reload
      1 started with data
      1 first
      1 log info first has=nothing
      1 first -go-> living
      1 ready
    ]],
    run = leaving {},
  },
  {
    'no data', fields = OLD, second = NEW, steps = RELOAD, trace = [[
      0 started
      0 first
      0 first -go-> living
      0 ready
      0 living -stop-> closing
      0 closing -closed-> over
      0 exited ok expected
      1 restart reload
      1 started
      1 first
      1 first -go-> living
      1 ready
    ]],
    run = leaving { migrate = migrate, first = function() return 'go' end },
  },
  {
    'not after a failure', fields = OLD, second = NEW, steps = RELOAD, trace = UP .. [[
      0 living -error-> fallen
      0 exited error expected at the stop
      1 restart reload
      1 started
      1 first
      1 log info first has=nothing
      1 first -go-> living
      1 ready
    ]],
    run = leaving {
      migrate = migrate,
      living = function(_, ctx)
        if ctx.stopping then error('at the stop', 0) end
        time.sleep(60)
        return 'keepalive'
      end,
    },
  },
  {
    'not after an interrupt', second = NEW, steps = RELOAD, trace = UP .. [[
      0 living -stop-> closing
      0 violation shutdown in closing
      0 exited interrupted expected (where)
      1 restart reload
      1 started
      1 first
      1 log info first has=nothing
      1 first -go-> living
      1 ready
    ]],
    fields = { args = { version = 1 }, shutdown = 0.2 },
    run = leaving {
      migrate = migrate, closing = function() time.sleep(60) return 'closed' end,
    },
  },
  {
    'an error in migrate is tried again with the data', fields = OLD, second = NEW,
    steps = RELOAD, trace = UP .. [[
      0 living -stop-> closing
      0 closing -closed-> over
      0 exited ok expected
      1 restart reload
      1 started with data
      1 log info migrate data=1 i=1
      1 exited launch not yet
      2 restart failed charged
      2 started with data
      2 log info migrate data=1 i=2
      2 first
      2 log info first has=1
      2 first -go-> living
      2 ready
    ]],
    run = leaving {
      migrate = function(_, ctx, data)
        log.info('migrate', { i = ctx.incarnation, data = data.count })
        if ctx.incarnation == 1 then error('not yet', 0) end
        ctx.data = data
      end,
    },
  },
  {
    'what cannot be handed over', fields = OLD, second = NEW, steps = RELOAD, trace = [[
      0 started
      0 first
      0 first -go-> living
      0 ready
      0 living -stop-> closing
      0 closing -closed-> over
      0 log warn ctx.data is not handed over: there is a function in it; only plai
      0 exited ok expected
      1 restart reload
      1 started
      1 first
      1 first -go-> living
      1 ready
    ]],
    run = leaving {
      migrate = migrate,
      first = function(_, ctx)
        ctx.data = ctx.incarnation == 0 and { f = print } or nil
        return 'go'
      end,
    },
  },
  {
    'nothing changed', fields = OLD, steps = RELOAD, trace = UP, run = leaving {},
  },
  {
    'a timeout changed', fields = OLD, steps = RELOAD, trace = UP, run = leaving {},
    second = { lifecycle = { living = { heartbeat = 7 } } },
  },
}
