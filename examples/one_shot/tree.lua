-- Three tasks, one after another, then the host is done.

local rs = require 'runsmith'
local log = require 'std.log'
local time = require 'std.time'

local function task(text)
  return function(ctx)
    log.info(text, { try = ctx.incarnation })
    time.sleep(0.1)
  end
end

-- Fails twice, as a flaky network would.
local function fetch(ctx)
  if ctx.incarnation < 2 then error 'connection refused' end
  log.info('fetched', { try = ctx.incarnation })
end

return rs.supervisor 'job' {
  intensity = { max = 3, within = 10 },
  backoff = { first = 0.05, factor = 2, max = 1, jitter = 0.1, reset = 10 },

  rs.worker 'prepare' { run = task 'prepared' },
  rs.worker 'fetch' { run = fetch, after = { 'prepare' }, backend = 'process' },
  rs.worker 'report' { run = task 'reported', after = { 'fetch' }, backend = 'thread' },
}
