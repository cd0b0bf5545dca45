local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

-- Shows a light for its time; a stop request is heeded in red alone, where it is safe.
local function show(colour, next_event)
  return function(_, ctx)
    time.sleep(ctx.args[colour])
    return next_event
  end
end

return worker.define {
  lifecycle = {
    { 'dark', timeout = 5, on = { power = 'red', error = 'broken' } },
    { 'red', timeout = 2, ready = true,
      on = { go = 'green', off = { 'blinking', timeout = 0.5 }, error = 'blinking' } },
    { 'green', timeout = 2, ready = true, on = { slow = 'amber', error = 'blinking' } },
    { 'amber', timeout = 1, ready = true, on = { halt = 'red', error = 'blinking' } },
    { 'blinking', timeout = 5, on = { done = 'off', error = 'broken' } },
    { 'off', ends = 'ok' },
    { 'broken', ends = 'error' },
  },

  -- `dark` and `blinking` have one event besides error, so they need no function.
  red = function(_, ctx)
    if ctx.stopping then return 'off' end
    time.sleep(ctx.args.red)
    if ctx.stopping then return 'off' end
    return 'go'
  end,
  green = show('green', 'slow'),
  amber = show('amber', 'halt'),

  enter = {
    red = function(_, ctx, event, from)
      log.info('red', { event = event, from = from, cycles = #ctx.history })
    end,
    green = function() log.info 'green' end,
    amber = function() log.info 'amber' end,
  },
  before_exit = function(_, _, graceful) log.info('dark', { graceful = graceful }) end,
}
