--- Schedules: at certain times, or every so often. A worker waits for the next time, or
--- has a table of jobs run.
---
--- ```lua
--- local cron = require 'std.cron'
---
--- local nightly = cron.at '30 3 * * mon-fri'
--- assert(os.date('%M', nightly:next()) == '30')
---
--- local often = cron.every(0.05)
--- for _ = 1, 3 do
---   local due, missed = often:wait()
---   if not due then return end -- the worker is to stop
---   assert(missed >= 0)
--- end
--- ```
---
--- An expression has five fields, minute hour day month weekday, or six, seconds
--- first: `*`, numbers, `jan`, `mon`, lists `1,5`, ranges `9-17`, steps `*/15`; or
--- it is `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Where both day and
--- weekday are given, either will do. 0 and 7 are Sunday.
---
--- When the clock is put forward or back, what has a `*` in hour or minute goes by the
--- clock: what that skips is skipped, what it shows twice comes twice. Everything
--- else comes once a day: at the moment of the change if its time is skipped, the first
--- time if its time comes twice. A clock set by hand is noticed within a minute.

local expression = require 'std.cron_expression'
local fs = require 'std.fs'
local schedule = require 'runsmith.vm.schedule'
local strand = require 'runsmith.vm.strand'
local suggest = require 'runsmith.tree.suggest'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local M = {}

local SLICE = 60 -- seconds at most until the clock is read again
local LATE = 60 -- seconds after which a time is one that was missed
local COUNT_MAX = 10000 -- missed times that are counted
local PARALLEL_MAX = 64 -- runs of a job at once

local OPTIONS = { 'zone', 'missed', 'file' }
local JOB = { 'at', 'every', 'run', 'name', 'overlap', unpack(OPTIONS) }

--- @class std.cron.Schedule
--- @field package due? number the next time, by its clock
--- @field package clock fun(): number
--- @field package after fun(due: number): number
--- @field package options table
local Schedule = {}
Schedule.__index = Schedule

local function check_options(name, options, known, level)
  if type(options) ~= 'table' then
    error(('%s takes its options as a table'):format(name), level + 1)
  end
  local words = { zone = { 'local', 'utc' }, missed = { 'once', 'skip', 'all' },
    overlap = { 'skip', 'queue', 'parallel' } }
  for key, value in pairs(options) do
    local is_known, is_word = false, not words[key]
    for _, word in ipairs(known) do
      is_known = is_known or word == key
    end
    if not is_known then
      local text = "%s has no option '%s': %s"
      error(text:format(name, tostring(key), suggest.hint(key, known)), level + 1)
    end
    for _, word in ipairs(words[key] or {}) do
      is_word = is_word or word == value
    end
    if not is_word then
      local text = "%s: %s is '%s'; it has: %s"
      local list = suggest.list(words[key])
      error(text:format(name, key, tostring(value), list), level + 1)
    end
  end
end

local function new(clock, after, options)
  return setmetatable({ clock = clock, after = after, options = options }, Schedule)
end

local function at(name, text, options, level)
  if type(text) ~= 'string' then
    error(('%s takes an expression, not a %s'):format(name, type(text)), level + 1)
  end
  local parsed, why = expression.parse(text, options.zone or 'local')
  if not parsed then error(("%s: '%s': %s"):format(name, text, why), level + 1) end
  local function after(due) return parsed:next(due) end
  return new(function() return time.now() end, after, options)
end

local function every(name, seconds, options, level)
  if type(seconds) ~= 'number' or not (seconds > 0 and seconds < 1e9) then
    local text = '%s takes seconds above 0, not %s'
    error(text:format(name, tostring(seconds)), level + 1)
  end
  local made = new(time.mono, function(due) return due + seconds end, options)
  made.seconds = seconds
  return made
end

--- @class std.cron.Options
--- @field zone? 'local'|'utc' whose hours; 'local'
--- @field missed? 'once'|'skip'|'all' what becomes of times that passed before they
---   were waited for: one wait returns for all of them, none does, or one for each
--- @field file? string where the last time is kept, so that those that pass while
---   nobody runs are known as missed

--- A schedule from an expression: '0 3 * * *'.
--- @param text string
--- @param options? std.cron.Options
--- @return std.cron.Schedule
function M.at(text, options)
  options = options or {}
  check_options('cron.at', options, OPTIONS, 2)
  local made = at('cron.at', text, options, 2)
  return made -- no tail call, for the line in messages
end

--- Every so many seconds, counted from now; it does not drift.
--- @param seconds number
--- @param options? std.cron.Options
--- @return std.cron.Schedule
function M.every(seconds, options)
  options = options or {}
  check_options('cron.every', options, OPTIONS, 2)
  local made = every('cron.every', seconds, options, 2)
  return made
end

-- A time by the schedule's clock as one since 1970.
local function as_date(self, due)
  if not self.seconds then return due end
  return time.now() - (self.clock() - due)
end

-- The time before the first: now, or what the file says.
local function begin(self)
  local now = self.clock()
  local text = self.options.file and fs.read(self.options.file)
  local last = tonumber(text)
  if not last then
    self.due = self.after(now)
  elseif self.seconds then
    self.due = self.after(now - math.max(0, time.now() - last))
  else
    self.due = self.after(last)
  end
  self.missed = 0
end

-- How many times have passed up to now, and the last of them.
local function passed(self, now)
  local count, last, due = 0, nil, self.due
  if self.seconds then
    count = math.floor((now - due) / self.seconds) + 1
    last = due + (count - 1) * self.seconds
    return count, last, last + self.seconds
  end
  while due <= now do
    count, last = count + 1, due
    due = self.after(due)
    if count == COUNT_MAX then due = math.max(due, self.after(now)) end
  end
  return count, last, due
end

-- A time that has come, and how many before it were missed; or nil and the seconds
-- until there may be one. `is_late`: what has come by now has come too late.
local function take(self, is_late)
  local now = self.clock()
  if now < self.due then
    local left = self.due - now
    return nil, self.seconds and left or math.min(left, SLICE)
  end
  local policy, due = self.options.missed or 'once', self.due
  if policy == 'all' then
    self.due = self.after(due)
    return as_date(self, due), 0
  end
  local count, last, next_due = passed(self, now)
  self.due = next_due
  if policy == 'skip' and (is_late or now - last > LATE) then
    self.missed = self.missed + count
    return take(self, false)
  end
  local missed = self.missed + count - 1
  self.missed = 0
  return as_date(self, last), missed
end

-- What was waited for last has been done.
local function settle(self)
  local file, done = self.options.file, self.done
  self.done = nil
  if not (file and done) or done <= (self.kept or 0) then return end
  self.kept = done
  assert(fs.write(file, ('%.3f\n'):format(done)))
end

--- The next time, in seconds since 1970; nothing waits.
--- @return number
function Schedule:next()
  if not self.due then begin(self) end
  return as_date(self, self.due)
end

--- Waits for the next time. To wait again says that its work has been done.
--- @return number? due # in seconds since 1970; or nil, 'stopping'
--- @return integer|string missed times before it that nobody waited for
function Schedule:wait()
  settle(self)
  local is_first = not self.due
  if is_first then begin(self) end
  local is_late = true
  while true do
    local due, missed = take(self, is_late)
    if due then
      self.done = due
      return due, missed
    end
    local ok, why = schedule.wait(missed)
    if not ok then return nil, why end
    is_late = false
  end
end

--- @class std.cron.Job: std.cron.Options
--- @field at? string an expression; or `every`
--- @field every? number seconds
--- @field run fun(due: number, missed: integer) what it raises fails the worker
--- @field name? string for messages
--- @field overlap? 'skip'|'queue'|'parallel' what becomes of a time at which it still
---   runs: it is missed ('skip'), it comes when it has ended, it runs beside

local function check_job(i, job)
  if type(job) ~= 'table' then
    error(('cron: job %d is a %s, not a table'):format(i, type(job)), 4)
  end
  local name = ('cron: job %s'):format(job.name or i)
  check_options(name, job, JOB, 4)
  if type(job.run) ~= 'function' then error(name .. ': run is no function', 4) end
  if (job.at == nil) == (job.every == nil) then
    error(name .. ': it must have one of at and every', 4)
  end
  return {
    name = name, run = job.run, overlap = job.overlap or 'skip',
    schedule = job.at and at(name, job.at, job, 4) or every(name, job.every, job, 4),
    running = 0, queue = {}, missed = 0,
  }
end

local function check_jobs(jobs)
  local list = {}
  for i, job in ipairs(jobs) do
    list[i] = check_job(i, job)
  end
  if #list == 0 then error('cron: there are no jobs', 3) end
  return list
end

-- Whoever runs the jobs, while it waits, is told when one has ended.
--- @class std.cron.Group
--- @field main runsmith.Task the worker
--- @field count integer jobs that run
--- @field ticket? integer

local function perform(group, job, due, missed)
  job.run(due, missed)
  job.running = job.running - 1
  job.schedule.done = due
  settle(job.schedule)
  group.count = group.count - 1
  if group.ticket then schedule.wake(group.ticket, true) end
end

local function start(group, job, due, missed)
  missed = missed + job.missed
  job.missed = 0
  job.running = job.running + 1
  group.count = group.count + 1
  strand.begin(group.main, true, function() perform(group, job, due, missed) end)
end

local function come(group, job, due, missed)
  local most = job.overlap == 'parallel' and PARALLEL_MAX or 1
  if job.running < most then return start(group, job, due, missed) end
  if job.overlap == 'queue' and #job.queue < COUNT_MAX then
    job.queue[#job.queue + 1] = { due, missed }
  else
    job.missed = job.missed + missed + 1
  end
end

-- Starts what has come; the seconds until more may come.
local function look(group, list)
  local least = math.huge
  for _, job in ipairs(list) do
    if job.queue[1] and job.running == 0 then
      start(group, job, unpack(table.remove(job.queue, 1)))
    end
    repeat
      local due, number = take(job.schedule, false)
      if due then
        come(group, job, due, number)
      else
        least = math.min(least, number)
      end
    until not due
  end
  return least
end

-- Until one has ended or some time has passed; nil and 'stopping'.
local function wait(group, seconds)
  group.ticket = schedule.ticket()
  local ok, why = schedule.suspend(group.ticket, seconds)
  group.ticket = nil
  return ok, why
end

--- Runs jobs until the worker is to stop; those that run then are waited for.
--- @param jobs std.cron.Job[]
--- @return nil, 'stopping'
function M.run(jobs)
  local list = check_jobs(jobs)
  local group = { main = strand.current(), count = 0 }
  for _, job in ipairs(list) do
    begin(job.schedule)
  end
  repeat
    local _, why = wait(group, look(group, list))
  until why == 'stopping'
  while group.count > 0 do
    group.ticket = schedule.ticket()
    schedule.hold(group.ticket)
    group.ticket = nil
  end
  return nil, 'stopping'
end

--- A worker that does nothing but run jobs.
--- @param jobs std.cron.Job[]
--- @return table definition
function M.worker(jobs)
  check_jobs(jobs)
  return worker.define {
    lifecycle = {
      { 'running', ready = true, on = { stop = 'stopped', error = 'crashed' } },
      { 'stopped', ends = 'ok' },
      { 'crashed', ends = 'error' },
    },
    running = function()
      M.run(jobs)
      return 'stop'
    end,
  }
end

return M
