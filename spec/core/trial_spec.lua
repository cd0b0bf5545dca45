-- Whether a reload holds: by the core's own clock, which the spec moves.
local ffi = require 'ffi'
local World = require 'spec.core.support.world'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local C, time = lib.C, lib.time
local supervisor, worker = plan.supervisor, plan.worker

local WAITS, HOLDS, FAILS = C.RS_TRIAL_WAITS, C.RS_TRIAL_HOLDS, C.RS_TRIAL_FAILS

-- Applies a tree on trial for so many seconds.
local function try(w, tree, span)
  local made, keep = plan.make(tree)
  local rows = ffi.new 'rs_change_row[200]'
  local count = C.rs_core_compare(w.core, made, rows)
  local trial = ffi.new('rs_trial', { ['until'] = time(w.now + span) })
  local units = ffi.new 'uint32_t[100]'
  trial.unit = units
  C.rs_core_trial(w.core, true)
  w.trial = { trial, keep, units }
  w.number = w.number + 1
  w.plans[w.number] = keep
  assert(C.rs_core_apply(w.core, time(w.now), made, w.number, nil, 0) == 0)
  C.rs_trial_begin(trial, w.core, rows, count)
  local perform = w.perform
  function w.perform(self, action)
    C.rs_trial_hear(trial, action)
    return perform(self, action)
  end
  w:pump()
  return trial
end

local function judge(w, trial)
  local ill = ffi.new 'uint32_t[1]'
  local what = C.rs_trial_judge(trial, w.core, time(w.now), ill)
  return what, ill[0] ~= lib.NONE and w:path(ill[0]) or nil
end

local function tree(version, more)
  return supervisor 'r' {
    max = 3, worker 'a' { version = version, launch = 60 }, worker 'b' {}, more,
  }
end

describe('a reload on trial', function()
  it('waits for its time, and holds where all are well then', function()
    local w = World.new(tree(1))
    local trial = try(w, tree(2), 10)
    assert.equal(1, trial.count)
    assert.same({ WAITS }, { judge(w, trial) })
    w:advance(9.9)
    assert.same({ WAITS }, { judge(w, trial) })
    w:advance(0.1)
    assert.same({ HOLDS }, { judge(w, trial) })
    assert.is_true(trial.seq > 0)
  end)

  it('fails where one that it changed is not well by then', function()
    local w = World.new(tree(1))
    w.mute.a = { start = 'launch' }
    local trial = try(w, tree(2), 10)
    assert.same({ WAITS, 'a' }, { judge(w, trial) })
    w:advance(10)
    assert.same({ FAILS, 'a' }, { judge(w, trial) })
  end)

  it('looks at what it started, patched or restarted, and at nobody else', function()
    local w = World.new(tree(1))
    w.mute.new = { start = 'launch' }
    local trial = try(w, supervisor 'r' {
      max = 3, worker 'a' { version = 1, launch = 60 }, worker 'b' { shutdown = 9 },
      worker 'new' { launch = 60 },
    }, 1)
    assert.equal(2, trial.count)
    w:advance(1)
    assert.same({ FAILS, 'new' }, { judge(w, trial) })
  end)

  it('does not take one for well that still lives by the plan before', function()
    local w = World.new(tree(1))
    w.mute.a = { ask = true, interrupt = true, kill = true }
    local trial = try(w, tree(2), 1)
    w:advance(1)
    assert.same({ FAILS, 'a' }, { judge(w, trial) })
  end)

  it('fails at once where an intensity was exceeded', function()
    local w = World.new(tree(1))
    local trial = try(w, tree(2), 10)
    for _ = 1, 4 do
      w:exit('b', 'error')
    end
    assert.equal(FAILS, (judge(w, trial)))
    assert.is_true(trial.escalated > 0)
    assert.same({}, w:take '^END')
  end)

  it('takes what completed, was stopped or removed for well', function()
    local w = World.new(tree(1))
    local trial = try(w, tree(2, worker 'c' {}), 1)
    w:exit 'c'
    w:tell('STOP', 'a')
    w:advance(1)
    assert.same({ HOLDS }, { judge(w, trial) })
  end)
end)
