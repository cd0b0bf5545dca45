local ffi = require 'ffi'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local supervisor, worker, command = plan.supervisor, plan.worker, plan.command
local C = lib.C

local function tree()
  return supervisor 'r' {
    worker 'a' { after = { 'b' } }, worker 'b' {}, command 'c' {},
    supervisor 's' { pool = worker 't' {}, worker 'x' {},
      worker 'y' { after = { 'x' } } },
  }
end

-- The plan with one field of one row changed.
local function changed(place, row, ctype, field, value)
  local bytes = plan.bytes(tree())
  local copy = ffi.new('uint8_t[?]', #bytes)
  ffi.copy(copy, bytes, #bytes)
  local head = ffi.cast('rs_plan *', copy)
  local rows = ffi.cast(ctype .. ' *', copy + head.tables[place].at)
  if type(value) == 'function' then value(rows[row]) else rows[row][field] = value end
  return ffi.string(copy, #bytes)
end

describe('rs_plan_check', function()
  it('takes a good plan', function()
    assert.same({ true, '' }, { plan.check(plan.bytes(tree())) })
  end)

  it('finds each mistake in a head', function()
    local bytes = plan.bytes(tree())
    for size = 0, #bytes - 1, 8 do assert.is_false((plan.check(bytes:sub(1, size)))) end
    assert.is_false((plan.check(bytes .. ('\0'):rep(8))))
    assert.is_false((plan.check('x' .. bytes:sub(2))))
    for place = 0, 15 do
      local function bad(change)
        local copy = ffi.new('uint8_t[?]', #bytes)
        ffi.copy(copy, bytes, #bytes)
        change(ffi.cast('rs_plan *', copy).tables[place])
        assert.is_false((plan.check(ffi.string(copy, #bytes))), 'table ' .. place)
      end
      bad(function(t) t.count = 0xffffffff end)
      if place < 12 then
        bad(function(t) t.at, t.count = t.at + 4, math.max(t.count, 1) end)
        bad(function(t) t.at = 8 end)
        bad(function(t) t.at, t.count = 0xfffffff8, math.max(t.count, 1) end)
      end
    end
  end)

  local nan, inf = 0 / 0, math.huge
  local UNIT, SPEC, LIFE, STATE, EDGE, AFTER = 0, 1, 2, 3, 4, 5
  local cases = {
    { UNIT, 0, 'rs_plan_unit', 'parent', 0 }, { UNIT, 1, 'rs_plan_unit', 'parent',
      lib.NONE },
    { UNIT, 1, 'rs_plan_unit', 'parent', 2 }, { UNIT, 5, 'rs_plan_unit', 'parent', 3 },
    { UNIT, 1, 'rs_plan_unit', 'spec', 99 }, { UNIT, 0, 'rs_plan_unit', 'spec', 1 },
    { UNIT, 1, 'rs_plan_unit', 'after_count', 99 }, { UNIT, 1, 'rs_plan_unit',
      'after_at', 99 },
    { UNIT, 6, 'rs_plan_unit', 'after_at', 0 },
    { UNIT, 1, 'rs_plan_unit', 'name', function(u) u.name.len = 1000000 end },
    { UNIT, 1, 'rs_plan_unit', 'name', function(u) u.name.len = 0 end },
    { UNIT, 1, 'rs_plan_unit', 'args',
      function(u) u.args.at = 0xfffffff0; u.args.len = 0x20 end },
    { UNIT, 1, 'rs_plan_unit', 'file', function(u) u.file.at = 0xfffffff0 end },
    { SPEC, 0, 'rs_plan_spec', 'kind', 0 }, { SPEC, 0, 'rs_plan_spec', 'kind', 4 },
    { SPEC, 0, 'rs_plan_spec', 'backend', 1 }, { SPEC, 0, 'rs_plan_spec', 'max',
      1000001 },
    { SPEC, 0, 'rs_plan_spec', 'within', 0 }, { SPEC, 0, 'rs_plan_spec', 'vms', 0 },
    { SPEC, 0, 'rs_plan_spec', 'strategy', 3 }, { SPEC, 0, 'rs_plan_spec',
      'auto_shutdown', 3 },
    { SPEC, 0, 'rs_plan_spec', 'flags', 256 }, { SPEC, 0, 'rs_plan_spec', 'flags',
      1 + 16 },
    { SPEC, 0, 'rs_plan_spec', 'life', 0 }, { SPEC, 1, 'rs_plan_spec', 'backend', 0 },
    { SPEC, 1, 'rs_plan_spec', 'backend', 4 }, { SPEC, 1, 'rs_plan_spec', 'backend',
      6 },
    { SPEC, 1, 'rs_plan_spec', 'restart', 3 }, { SPEC, 1, 'rs_plan_spec', 'flags', 32 },
    { SPEC, 1, 'rs_plan_spec', 'flags', 1 }, { SPEC, 1, 'rs_plan_spec', 'life', 5 },
    { SPEC, 1, 'rs_plan_spec', 'life', lib.NONE }, { SPEC, 1, 'rs_plan_spec', 'custom',
      0 },
    { SPEC, 1, 'rs_plan_spec', 'exec', 7 }, { SPEC, 1, 'rs_plan_spec', 'run_module',
      0 },
    { SPEC, 1, 'rs_plan_spec', 'launch', 0 }, { SPEC, 1, 'rs_plan_spec', 'stall', -1 },
    { SPEC, 1, 'rs_plan_spec', 'heartbeat', 0 }, { SPEC, 1, 'rs_plan_spec', 'shutdown',
      -2 },
    { SPEC, 1, 'rs_plan_spec', 'own_max', 2000000 }, { SPEC, 1, 'rs_plan_spec',
      'backoff_first', -1 },
    { SPEC, 1, 'rs_plan_spec', 'backoff_factor', nan },
    { SPEC, 1, 'rs_plan_spec', 'backoff_factor', inf },
    { SPEC, 1, 'rs_plan_spec', 'backoff_jitter', nan },
    { SPEC, 1, 'rs_plan_spec', 'backoff_jitter', 1.1 },
    { SPEC, 1, 'rs_plan_spec', 'x', function(s) s.flags, s.restart = 4, 1 end },
    { SPEC, 3, 'rs_plan_spec', 'exec', lib.NONE },
    { LIFE, 0, 'rs_plan_life', 'state_count', 0 }, { LIFE, 0, 'rs_plan_life',
      'state_count', 6 },
    { LIFE, 0, 'rs_plan_life', 'state_count', 0xffffffff },
    { LIFE, 0, 'rs_plan_life', 'state_at', 1 },
    { STATE, 0, 'rs_plan_state', 'timeout', 0 }, { STATE, 1, 'rs_plan_state',
      'heartbeat', -5 },
    { STATE, 1, 'rs_plan_state', 'every', -1 }, { STATE, 1, 'rs_plan_state', 'ready',
      2 },
    { STATE, 1, 'rs_plan_state', 'ends', 1 }, { STATE, 3, 'rs_plan_state', 'ends', 0 },
    { STATE, 3, 'rs_plan_state', 'ends', 3 }, { STATE, 1, 'rs_plan_state', 'edge_count',
      0 },
    { STATE, 1, 'rs_plan_state', 'edge_count', 99 }, { STATE, 1, 'rs_plan_state',
      'edge_at', 99 },
    { STATE, 1, 'rs_plan_state', 'n', function(s) s.name.at, s.name.len = 0, 0 end },
    { EDGE, 0, 'rs_plan_edge', 'to', 5 }, { EDGE, 0, 'rs_plan_edge', 'to', 0 },
    { EDGE, 0, 'rs_plan_edge', 'timeout', 0 }, { EDGE, 1, 'rs_plan_edge', 'to', 4 },
    { EDGE, 0, 'rs_plan_edge', 'e', function(e) e.event.len = 0 end },
  }
  it('finds each wrong field', function()
    for i, case in ipairs(cases) do
      local good, why = plan.check(changed(unpack(case)))
      assert.is_false(good, ('case %d: %s %s'):format(i, case[3], case[4]))
      assert.truthy(why:match '^the plan is damaged: ')
    end
    for row, value in pairs { [0] = 0, 1, 99 } do
      if row ~= 1 then
        local bytes = plan.bytes(tree())
        local copy = ffi.new('uint8_t[?]', #bytes)
        ffi.copy(copy, bytes, #bytes)
        local head = ffi.cast('rs_plan *', copy)
        ffi.cast('uint32_t *', copy + head.tables[AFTER].at)[0] = value
        assert.is_false((plan.check(ffi.string(copy, #bytes))), value)
      end
    end
  end)

  it('finds names twice, cycles, and lets long chains pass', function()
    assert.equal('the plan is damaged: unit 2: a sibling has its name',
      select(2, plan.check(plan.bytes(supervisor 'r' { worker 'a' {},
        worker 'a' {} }))))
    assert.is_false((plan.check(plan.bytes(supervisor 'r' {
      worker 'a' { after = { 'c' } }, worker 'b' { after = { 'a' } },
        worker 'c' { after = { 'b' } },
    }))))
    local children = {}
    for i = 1, 500 do
      children[i] = worker('w' .. i) { after = i < 500 and { 'w' .. i + 1 } or {} }
    end
    assert.is_true((plan.check(plan.bytes(supervisor 'r'(children)))))
  end)

  it('never reads past a hostile plan, nor crashes on what it lets pass', function()
    local bytes = plan.bytes(tree())
    local copy = ffi.new('uint64_t[?]', #bytes / 8)
    local cells = ffi.cast('uint32_t *', copy)
    local why = ffi.new 'char[100]'
    local values = { 0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 64 }
    for at = 0, #bytes / 4 - 1 do
      for _, value in ipairs(values) do
        ffi.copy(copy, bytes, #bytes)
        cells[at] = value
        if C.rs_plan_check(copy, #bytes, why, 100) == 0 then
          local core = C.rs_core_new(C.rs_spec_memory, 1, 0)
          C.rs_core_apply(core, 1, ffi.cast('const rs_plan *', copy), 1, why, 100)
          local out = ffi.new 'rs_action[16]'
          while C.rs_core_run(core, 1, out, 16) > 0 do end
          C.rs_core_free(core)
        end
      end
    end
  end)
end)
