-- Breaks every unit in every way it can break. What it comes to is in the journal;
-- meanwhile no other unit restarts, and whoever has work keeps its rate.

local assert = require 'luassert'

package.path = 'examples/plant/?.lua;' .. package.path
local control = require 'host.support.control'
local faults = require 'faults'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local rig = require 'rig'
local sqlite = require 'sqlite'

local RATE_LEAST = 0.6 -- of what was due
local PATIENCE = 60 -- who computes has the time that it waits for a processor on top

local function violation(constraint)
  return { kind = 'violation', constraint = constraint }
end

local function exited(reason) return { kind = 'exited', reason = reason } end

local ERROR, SIGNAL = exited 'error', exited 'signal'
local KILLED = exited 'killed'

-- An interrupt has a tenth of a second; where the machine is busy it may be too late.
local INTERRUPTED = exited(function(reason)
  return reason == 'interrupted' or reason == 'killed'
end)
local BEAT = violation 'heartbeat'

-- Likewise a probe may be first.
local STALLED_WEB = violation(function(constraint)
  return constraint == 'heartbeat' or constraint == 'probe'
end)

-- In this order no unit fails twice in a row, so their backoff begins anew.
local CASES = {
  { 'camera-error', ERROR },
  { 'inspector-error', ERROR },
  { 'recorder-error', ERROR },
  { 'keeper-error', ERROR },
  { 'onvif-exit', ERROR },
  { 'web-error', ERROR },
  { 'camera-stuck', BEAT, INTERRUPTED },
  { 'inspector-stall', BEAT, INTERRUPTED },
  { 'onvif-crash', SIGNAL },
  { 'recorder-hang', violation 'stall', KILLED },
  { 'web-stall', STALLED_WEB, INTERRUPTED },
  { 'camera-hang', BEAT, KILLED },
  { 'inspector-hang', BEAT, KILLED },
  { 'keeper-stall', violation 'stall', INTERRUPTED },
  { 'onvif-hang', BEAT, KILLED },
  { 'web-deaf', violation 'probe', INTERRUPTED },
  { 'camera-crash', SIGNAL },
  { 'inspector-crash', SIGNAL },
  { 'onvif-mute', violation 'probe', KILLED },
  { 'camera-slow', violation 'timeout', INTERRUPTED, order = 'restart' },
  { 'inspector-leak', violation 'probe', INTERRUPTED },
  { 'onvif-stubborn', violation 'shutdown', KILLED, order = 'restart' },
  { 'inspector-poison', SIGNAL, SIGNAL },
  { 'onvif-orphan', ERROR },
}

local function with_unit(pattern, path)
  local own = { unit = path }
  for key, value in pairs(pattern) do
    own[key] = value
  end
  return own
end

-- The unit's own story, and that it works again.
local function follow(host, case, path, mark)
  local at = mark
  for _, pattern in ipairs(case) do
    if type(pattern) == 'table' then
      at = host:wait_for(with_unit(pattern, path), at, PATIENCE)
    end
  end
  host:wait_for({ kind = 'ready', unit = path }, at)
end

-- Where the machine is busy, all wait for a processor; nobody is to blame for that.
local function check_others(host, unit, mark, before, since)
  local after, now = rig.counts(host)
  local feeds = rig.FEEDS[unit] or {}
  local span = now - since - (rig.waited(host, unit) - before.waited)
  for other, path in pairs(rig.UNITS) do
    if other ~= unit then
      for _, kind in ipairs { 'started', 'exited', 'violation', 'collateral' } do
        local what = ('%s of %s'):format(kind, path)
        assert.equal(0, #host:all({ kind = kind, unit = path }, mark), what)
      end
      local least = rig.RATES[other] * span * RATE_LEAST - 2
      local done = after[other] - before[other]
      if not feeds[other] and done < least then
        local text = '%s did %d in %.2f s, at least %.1f were due%s'
        error(text:format(path, done, span, least, host:tail()), 0)
      end
    end
  end
end

local function last_entry(host)
  host:read(0)
  return host.entries[#host.entries]
end

describe('the example plant', function()
  local host, port

  setup(function() host, port = rig.start() end)
  teardown(harness.sweep)

  for _, case in ipairs(CASES) do
    local fault = case[1]
    local unit = fault:match '^%a+'
    local path = rig.UNITS[unit]
    it(fault .. ': the others keep their rates', function()
      local before, since = rig.counts(host, unit)
      local mark = last_entry(host)
      assert.equal(204, rig.press(port, fault))
      if case.order then
        rig.wait_counts(host, function(counts)
          return counts[unit] > before[unit]
        end)
        assert.equal(204, rig.order(port, case.order, path))
      end
      follow(host, case, path, mark)
      check_others(host, unit, mark, before, since)
      local ready = rig.counts(host)
      rig.wait_counts(host, function(counts)
        return counts[unit] > (unit == 'onvif' and 0 or ready[unit])
      end)
    end)
  end

  it('reopens a camera that is lost, without a restart', function()
    local before, since = rig.counts(host, 'camera')
    local mark = last_entry(host)
    assert.equal(204, rig.press(port, 'camera-unplug'))
    local path = rig.UNITS.camera
    local lost = { unit = path, kind = 'transition', event = 'lost' }
    lost = host:wait_for(lost, mark)
    host:wait_for({ unit = path, kind = 'transition', to = 'streaming' }, lost)
    check_others(host, 'camera', mark, before, since)
    assert.equal(0, #host:all({ kind = 'started' }, mark))
  end)

  it('answers 500 for a handler that fails, and goes on', function()
    local mark = last_entry(host)
    assert.equal(500, rig.press(port, 'web-handler'))
    host:wait_for({ kind = 'log', unit = rig.UNITS.web, level = 'error' }, mark)
    assert.equal(204, rig.press(port, 'web-handler', 'off'))
    assert.equal(0, #host:all({ kind = 'started' }, mark))
  end)

  it('has set aside the frame that killed its inspectors', function()
    local text = 'a frame is set aside: it kills who looks at it'
    host:wait_for { kind = 'log', unit = rig.UNITS.recorder, text = text }
  end)

  it('knows no other faults', function()
    local tried = { ['camera-unplug'] = true, ['web-handler'] = true }
    for _, case in ipairs(CASES) do
      tried[case[1]] = true
    end
    for _, fault in ipairs(faults.LIST) do
      assert.is_true(tried[fault[1]], fault[1])
    end
  end)

  it('leaves nothing behind, not even an orphan', function() rig.finish(host) end)
end)

describe('the example plant', function()
  after_each(harness.sweep)

  it('stores each result once, whenever its recorder dies', function()
    local host, port = rig.start()
    local path = rig.UNITS.recorder
    for incarnation = 1, 4 do
      if incarnation == 4 then
        rig.press(port, 'recorder-error')
      else
        posix.kill(host:pid_of(path), 'KILL')
      end
      host:wait_for { kind = 'ready', unit = path, incarnation = incarnation }
      local stored = rig.counts(host).recorder
      rig.wait_counts(host, function(counts) return counts.recorder > stored + 5 end)
    end
    control.ask(host, { op = 'stop', path = 'plant/line' })
    local sent = rig.wait_counts(host, function(_, channels)
      local frames, results = channels.frames, channels.results
      local is_done = frames.depth + frames.taken == 0
      return is_done and results.sent == results.acked and results.sent
    end)
    control.ask(host, { op = 'stop', path = 'plant/records' })
    local db = sqlite.open(host.data .. '/plant.db')
    assert.equal(sent, db:prepare 'SELECT count(*) FROM frames'())
    db:close()
    rig.finish(host)
  end)

  it('takes a changed inspector while it runs, which goes on counting', function()
    local files = rig.files()
    local host = rig.start { files = files }
    local path = rig.UNITS.inspector
    local eval = { op = 'eval', path = path, lua = 'return ctx.data.good' }
    rig.wait_counts(host, function()
      local answer = control.ask(host, eval)
      return answer.ok and tonumber(answer.result.value)
    end)
    local before, since = rig.counts(host, 'inspector')
    local mark = last_entry(host)
    host:write('inspector.lua', files['inspector.lua'] .. '\n-- changed\n')
    local answer = control.ask(host, { op = 'reload' })
    assert.is_true(answer.ok)
    local started = host:wait_for({ kind = 'started', unit = path }, mark)
    assert.truthy(started.data)
    host:wait_for({ kind = 'ready', unit = path }, started)
    check_others(host, 'inspector', mark, before, since)
    assert.truthy(tonumber(control.ask(host, eval).result.value) >= 1)
    rig.finish(host)
  end)
end)
