-- Lifecycles of several shapes, from their start to their own end.

local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local FAILED_ONCE = { intensity = { max = 1, within = 60 } }

-- A hook that says so.
local function hook(text)
  return function(_, _, event, state) log.info(text, { e = event, s = state }) end
end

return {
  {
    'the default lifecycle completes',
    run = worker.define { running = function() return 'complete' end },
    trace = [[
      0 started
      0 starting
      0 starting -run-> running
      0 ready
      0 running -complete-> terminating
      0 terminating -complete-> stopped
      0 exited ok
      0 completed
    ]],
  },
  {
    'a task returns',
    run = function(ctx) log.info(ctx.name, { given = ctx.args.n }) end,
    fields = { args = { n = 7 } },
    trace = [[
      0 started
      0 running
      0 ready
      0 log info w given=7
      0 exited ok
      0 completed
    ]],
  },
  {
    'states without functions',
    run = worker.define {
      lifecycle = {
        { 'one', on = { go = 'two' } },
        { 'two', on = { on = 'three', error = 'bad' } },
        { 'three', ready = true, on = { back = 'two', finish = 'four' } },
        { 'four', ends = 'ok' },
        { 'bad', ends = 'error' },
      },
      three = function(self)
        self.times = (self.times or 0) + 1
        return self.times == 3 and 'finish' or 'back'
      end,
    },
    trace = [[
      0 started
      0 one
      0 one -go-> two
      0 two -on-> three
      0 ready
      0 three -back-> two
      0 two -on-> three
      0 ready
      0 three -back-> two
      0 two -on-> three
      0 ready
      0 three -finish-> four
      0 exited ok
      0 completed
    ]],
  },
  {
    'an edge to its own state',
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'counting' } },
        { 'counting', heartbeat = 5, on = { again = 'counting', done = 'over' } },
        { 'over', ends = 'ok' },
      },
      counting = function(self, ctx)
        self.count = (self.count or 0) + 1
        if self.count == 3 then return 'done' end
        return self.count == 1 and 'again' or 'keepalive'
      end,
      enter = {
        counting = hook 'enter',
      },
      leave = {
        counting = hook 'leave',
      },
    },
    trace = [[
      0 started
      0 first
      0 log info enter e=go s=first
      0 first -go-> counting
      0 ready
      0 log info leave e=again s=counting
      0 log info enter e=again s=counting
      0 counting -again-> counting
      0 log info leave e=done s=over
      0 counting -done-> over
      0 exited ok
      0 completed
    ]],
  },
  {
    'every is the shortest time between two calls',
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'paced' } },
        { 'paced', heartbeat = 5, every = 0.05, on = { done = 'over' } },
        { 'over', ends = 'ok' },
      },
      paced = function(self)
        local now = time.mono()
        if self.last then
          log.info('called', { soon = now - self.last < 0.049 })
        end
        self.last, self.count = now, (self.count or 0) + 1
        return self.count == 3 and 'done' or 'keepalive'
      end,
    },
    trace = [[
      0 started
      0 first
      0 first -go-> paced
      0 ready
      0 log info called soon=false
      0 log info called soon=false
      0 paced -done-> over
      0 exited ok
      0 completed
    ]],
  },
  {
    'emitted events are taken in place of keepalives',
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'running' } },
        { 'running', heartbeat = 5, on = { turn = 'turned', done = 'over' } },
        { 'turned', on = { back = 'running' } },
        { 'over', ends = 'ok' },
      },
      running = function(self, ctx)
        self.count = (self.count or 0) + 1
        if self.count == 1 then
          ctx:emit 'nonsense'
          ctx:emit 'turn'
          ctx:emit 'done'
          log.info 'emitted'
        end
        return 'keepalive'
      end,
      turned = function(_, ctx)
        for _ = 1, 14 do
          ctx:emit 'back'
        end
        local went, why = ctx:emit 'back'
        log.info('queue', { went = went or why })
        local more, full = ctx:emit 'back'
        log.info('queue', { went = more or full })
        return 'back'
      end,
    },
    trace = [[
      0 started
      0 first
      0 first -go-> running
      0 ready
      0 log info emitted
      0 log warn event 'nonsense' dropped: no such edge
      0 running -turn-> turned
      0 log info queue went=true
      0 log info queue went=full
      0 turned -back-> running
      0 ready
      0 running -done-> over
      0 exited ok
      0 completed
    ]],
  },
  {
    'hooks in their order',
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'second' } },
        { 'second', heartbeat = 1, on = { done = 'last' } },
        { 'last', ends = 'ok' },
      },
      first = function() log.info 'first' return 'go' end,
      second = function() log.info 'second' return 'done' end,
      enter = {
        second = hook 'enter second',
        last = hook 'enter last',
      },
      leave = {
        first = hook 'leave first',
        second = hook 'leave second',
      },
      before_exit = function(_, ctx, graceful)
        log.info('before_exit', { graceful = graceful, known = #ctx.history })
      end,
    },
    trace = [[
      0 started
      0 first
      0 log info first
      0 log info leave first e=go s=second
      0 log info enter second e=go s=first
      0 first -go-> second
      0 ready
      0 log info second
      0 log info leave second e=done s=last
      0 log info enter last e=done s=second
      0 second -done-> last
      0 log info before_exit graceful=true known=2
      0 exited ok
      0 completed
    ]],
  },
  {
    'history and self are new in each incarnation',
    group = FAILED_ONCE,
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'second' } },
        { 'second', on = { fall = 'fallen', done = 'over' } },
        { 'over', ends = 'ok' },
        { 'fallen', ends = 'error' },
      },
      second = function(self, ctx)
        local last = ctx.history[#ctx.history]
        log.info('incarnation', {
          n = ctx.incarnation, kept = self.kept or 'no',
          last = last.from .. last.event .. last.to,
          count = #ctx.history,
        })
        self.kept = 'yes'
        return ctx.incarnation == 0 and 'fall' or 'done'
      end,
    },
    trace = [[
      0 started
      0 first
      0 first -go-> second
      0 ready
      0 log info incarnation count=1 kept=no last=firstgosecond n=0
      0 second -fall-> fallen
      0 exited error
      1 restart failed charged
      1 started
      1 first
      1 first -go-> second
      1 ready
      1 log info incarnation count=1 kept=no last=firstgosecond n=1
      1 second -done-> over
      1 exited ok
      1 completed
    ]],
  },
  {
    'history is the last hundred',
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'a' } },
        { 'a', ready = true, on = { b = 'b', done = 'over' } },
        { 'b', on = { a = 'a' } },
        { 'over', ends = 'ok' },
      },
      a = function(self, ctx)
        self.count = (self.count or 0) + 1
        if self.count < 60 then return 'b' end
        local oldest = ctx.history[1]
        log.info('history', { count = #ctx.history, oldest = oldest.from .. oldest.to })
        return 'done'
      end,
      enter = { over = function(_, ctx) log.info('count', { n = #ctx.history }) end },
    },
    trace = '0 started\n0 first\n0 first -go-> a\n0 ready\n'
      .. ('0 a -b-> b\n0 b -a-> a\n0 ready\n'):rep(59) .. [[
      0 log info history count=100 oldest=ab
      0 log info count n=100
      0 a -done-> over
      0 exited ok
      0 completed
    ]],
  },
  {
    'ready once more after a state that is not',
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'ready' } },
        { 'ready', heartbeat = 5, on = { pause = 'paused', done = 'over' } },
        { 'paused', on = { resume = 'ready' } },
        { 'over', ends = 'ok' },
      },
      ready = function(self)
        self.count = (self.count or 0) + 1
        return self.count == 2 and 'done' or 'pause'
      end,
    },
    trace = [[
      0 started
      0 first
      0 first -go-> ready
      0 ready
      0 ready -pause-> paused
      0 paused -resume-> ready
      0 ready
      0 ready -done-> over
      0 exited ok
      0 completed
    ]],
  },
  {
    'what is printed and logged keeps its order',
    run = worker.define {
      lifecycle = {
        { 'first', on = { go = 'second' } },
        { 'second', on = { done = 'over' } },
        { 'over', ends = 'ok' },
      },
      first = function()
        print 'printed first'
        log.warn('logged', { a = 1, b = 'two' })
        io.write 'written\n'
        return 'go'
      end,
      second = function()
        io.stdout:write 'to stdout\n'
        log.with({ of = 'it' }).error('told', { x = true })
        return 'done'
      end,
    },
    trace = [[
      0 started
      0 first
      0 output printed first
      0 log warn logged a=1 b=two
      0 output written
      0 first -go-> second
      0 ready
      0 output to stdout
      0 log error told of=it x=true
      0 second -done-> over
      0 exited ok
      0 completed
    ]],
  },
  {
    'permanent is started again however it ended',
    fields = { restart = 'permanent' },
    group = FAILED_ONCE,
    run = function() end,
    trace = [[
      0 started
      0 running
      0 ready
      0 exited ok
      1 restart ended charged
      1 started
      1 running
      1 ready
      1 exited ok
    ]],
  },
  {
    'temporary is not started again',
    fields = { restart = 'temporary' },
    run = function() error 'once' end,
    trace = [[
      0 started
      0 running
      0 ready
      0 exited exception once
    ]],
  },
}
