-- Three jobs, one after another, then the host is done.

local rs = require 'runsmith'
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

-- No state of a job is a ready one, so what comes `after` it waits for its completion.
local function job(work)
  return worker.define {
    lifecycle = {
      { 'working', timeout = 5, on = { done = 'done', error = 'failed' } },
      { 'done', ends = 'ok' },
      { 'failed', ends = 'error' },
    },
    working = function(_, ctx)
      work(ctx)
      return 'done'
    end,
  }
end

local function say(text)
  return job(function(ctx)
    time.sleep(0.1)
    log.info(text, { try = ctx.incarnation })
  end)
end

-- Fails twice, as a flaky network would.
local fetch = job(function(ctx)
  if ctx.incarnation < 2 then error 'connection refused' end
  log.info('fetched', { try = ctx.incarnation })
end)

return rs.supervisor 'job' {
  intensity = { max = 3, within = 10 },
  backoff = { first = 0.05, factor = 2, max = 1, jitter = 0.1, reset = 10 },

  rs.worker 'prepare' { run = say 'prepared' },
  rs.worker 'fetch' { run = fetch, after = { 'prepare' }, backend = 'process' },
  rs.worker 'report' { run = say 'reported', after = { 'fetch' }, backend = 'thread' },
}
