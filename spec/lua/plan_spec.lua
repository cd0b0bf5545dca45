-- What a tree compiles to, and when a unit's identity changes.

local abi = require 'runsmith.abi'
local assert = require 'luassert'
local scripts = require 'lua.scripts'
local travel = require 'runsmith.tree.travel'

local C = abi.C

local function compile(script, files)
  local view, mistakes = scripts.evaluate(script, files)
  assert.truthy(view, table.concat(mistakes, '\n'))
  return view
end

local function spec_of(view, path) return view.spec[view.unit[view:find(path)].spec] end

local function has(spec, flag) return bit.band(spec.flags, C[flag]) ~= 0 end

local PLANT = [[
rs.backend 'box' { start = function() return 1 end, stop = print, kill = print,
  wait = function() return 'ok' end }
return rs.supervisor 'plant' {
  intensity = { max = 2, within = math.huge }, backoff = { first = 0.5, max = 8 },
  journal = 'brief', stall = 3,
  rs.worker 'poller' { run = 'beater', args = { 'x' }, after = { 'task', 'edge' } },
  rs.worker 'task' { run = function() return 1 end, restart = 'temporary' },
  rs.worker 'boxed' { backend = 'box', intensity = { max = 1 } },
  rs.channel 'frames' { capacity = 7 },
  rs.supervisor 'edge' {
    isolate = true, vms = 2, strategy = 'rest_for_one',
    auto_shutdown = 'any_significant',
    limits = { memory = '64M', cpu_time = 1.5 }, on_activity = function() end,
    rs.worker 'camera' { run = 'beater', backend = 'thread', shutdown = 'kill',
      significant = true },
    rs.command 'onvif' {
      exec = { 'onvif', '--port', '1' }, ready = rs.probe.tcp { port = 1 },
      env = { B = false, A = 1 }, umask = '022', user = 'nobody', heartbeat = 2,
      stop = 'INT', reload = 'HUP', files = { 'conf' },
      pre = { { 'true' }, timeout = 3 },
      output = { 'log', max = '1M' }, shutdown = 'forever', no_new_privs = true,
      probes = { rs.probe.memory { max = '1G' } },
    },
  },
  rs.supervisor 'jobs' { pool = rs.worker { run = 'beater' } },
}]]

describe('a compiled tree', function()
  local view
  setup(function() view = compile(PLANT) end)

  it('has its units in pre-order, each with its parent', function()
    local paths = {}
    for row = 0, view.count.unit - 1 do
      paths[row + 1] = view:path(row)
    end
    assert.same({
      'plant',
      'plant/poller',
      'plant/task',
      'plant/boxed',
      'plant/edge',
      'plant/edge/camera',
      'plant/edge/onvif',
      'plant/jobs',
      'plant/jobs/',
    }, paths)
    assert.equal(C.RS_NONE, view.unit[0].parent)
    assert.equal(4, view.unit[6].parent)
    assert.equal(6, view.unit[1].line)
  end)

  it("has a supervisor's rules", function()
    local root, edge = spec_of(view, 'plant'), spec_of(view, 'plant/edge')
    assert.equal(2, root.max)
    assert.equal(abi.NEVER, root.within)
    assert.equal(0.5, abi.seconds(root.backoff_first))
    assert.equal(2, root.backoff_factor)
    assert.equal(abi.NEVER, root.shutdown)
    assert.truthy(has(root, 'RS_ISOLATE') and has(root, 'RS_BRIEF'))
    assert.is_false(has(root, 'RS_ORDERED'))
    assert.equal(C.RS_REST_FOR_ONE, edge.strategy)
    assert.equal(C.RS_AUTO_ANY, edge.auto_shutdown)
    assert.equal(2, edge.vms)
    assert.equal(3, edge.max)
    assert.truthy(has(edge, 'RS_ISOLATE') and has(edge, 'RS_ORDERED'))
    assert.equal(67108864, tonumber(view.exec[edge.exec].memory))
    assert.equal(1.5, abi.seconds(view.exec[edge.exec].cpu_time))
    assert.truthy(has(spec_of(view, 'plant/jobs'), 'RS_POOL'))
    assert.truthy(has(view.spec[view.unit[8].spec], 'RS_TEMPLATE'))
  end)

  it("has a worker's rules", function()
    local poller, task = spec_of(view, 'plant/poller'), spec_of(view, 'plant/task')
    local camera, boxed =
      spec_of(view, 'plant/edge/camera'), spec_of(view, 'plant/boxed')
    assert.equal(C.RS_COROUTINE, poller.backend)
    assert.equal(3, abi.seconds(poller.stall))
    assert.equal(5, abi.seconds(poller.shutdown))
    assert.equal('beater', view:bytes(view.module[poller.run_module].name))
    assert.same({ module = 'beater' }, travel.decode(view:bytes(poller.run)))
    assert.truthy(has(task, 'RS_TASK'))
    assert.equal(1, travel.decode(view:bytes(task.run)).task())
    assert.equal(C.RS_TEMPORARY, task.restart)
    assert.equal(C.RS_THREAD, camera.backend)
    assert.equal(abi.NEVER, camera.stall)
    assert.equal(-1LL, camera.shutdown)
    assert.truthy(has(camera, 'RS_SIGNIFICANT'))
    assert.equal(C.RS_CUSTOM, boxed.backend)
    assert.equal('box', view:bytes(view.backend[boxed.custom].name))
    assert.equal(1, boxed.own_max)
    assert.equal(C.RS_NONE, boxed.life)
    local code = travel.decode(view:bytes(view.backend[0].code))
    assert.equal('ok', code.wait())
  end)

  it("has a command's process", function()
    local spec = spec_of(view, 'plant/edge/onvif')
    local exec = view.exec[spec.exec]
    assert.same({ 'onvif', '--port', '1' }, view:list(exec.argv))
    assert.same({ 'A=1', 'B' }, view:list(exec.env))
    assert.same({ 'conf' }, view:list(exec.files))
    assert.same({ 'true' }, view:list(exec.pre))
    assert.equal(3, abi.seconds(exec.pre_timeout))
    assert.equal(18, exec.umask)
    assert.equal('65534', view:bytes(exec.user))
    assert.equal('65534', view:bytes(exec.group))
    assert.equal(2, exec.stop_signal)
    assert.equal(1, exec.reload_signal)
    assert.equal(C.RS_OUT_FILE, exec.output)
    assert.equal(1048576, tonumber(exec.output_max))
    assert.equal(5, exec.output_keep)
    assert.equal(127, exec.nice)
    assert.equal(2000, exec.oom_score_adj)
    assert.equal(C.RS_READY_PROBE, exec.ready)
    assert.equal(2, abi.seconds(spec.heartbeat))
    assert.truthy(has(spec, 'RS_NO_NEW_PRIVS'))
    local probe = view.probe[exec.ready_probe]
    assert.equal(C.RS_P_READY, probe.kind)
    assert.equal(6, probe.unit)
    assert.equal('tcp', travel.decode(view:bytes(probe.code)).kind)
  end)

  it('has what is beside the units', function()
    assert.equal(3, view.count.probe)
    assert.equal(C.RS_P_ACTIVITY, view.probe[0].kind)
    assert.equal(4, view.probe[0].unit)
    assert.equal('frames', view:bytes(view.channel[0].name))
    assert.equal(7, view.channel[0].capacity)
    local poller = view.unit[1]
    local after = {}
    for i = 0, poller.after_count - 1 do
      after[i + 1] = view.after[poller.after_at + i]
    end
    assert.same({ 2, 4 }, after)
    assert.equal(scripts.BEATER, view:bytes(view.module[0].source))
  end)

  it('passes the check of the C side', function()
    local _, _, bytes = scripts.evaluate(PLANT)
    assert.equal('', select(2, abi.plan_check(bytes)) or '')
  end)
end)

local BASE = "rs.worker 'w' { run = 'main', args = { a = 1, b = { 2 } } }"
local FILES = {
  ['main.lua'] = "require 'helper' " .. scripts.BEATER,
  ['helper.lua'] = 'return 1',
}

local function identity(child, files, before)
  local all = {}
  for name, text in pairs(FILES) do
    all[name] = text
  end
  for name, text in pairs(files or {}) do
    all[name] = text
  end
  local view =
    compile((before or '') .. "return rs.supervisor 'p' { " .. child .. ' }', all)
  return tostring(view.unit[1].identity)
end

local SAME = { -- what is changed in place: child before, child after
  { 'the line', BASE, '\n\n' .. BASE },
  { 'restart', BASE, (BASE:gsub("'main',", "'main', restart = 'permanent',")) },
  { 'shutdown', BASE, (BASE:gsub("'main',", "'main', shutdown = 1,")) },
  {
    'a timeout',
    BASE,
    (BASE:gsub("'main',", "'main', lifecycle = { running = { heartbeat = 9 } },")),
  },
  {
    'the line of a task',
    "rs.worker 'w' { run = function() return { a = 1, b = 2 } end }",
    "\nrs.worker 'w' { run =\n function() return { a = 1, b = 2 } end }",
  },
  { 'the order of args', BASE, (BASE:gsub('a = 1, b = { 2 }', 'b = { 2 }, a = 1')) },
}

local OTHER = {
  { 'args', BASE, (BASE:gsub('a = 1', 'a = 2')) },
  { 'args further down', BASE, (BASE:gsub('{ 2 }', '{ 3 }')) },
  { 'backend', BASE, (BASE:gsub("'main',", "'main', backend = 'thread',")) },
  {
    'a task',
    "rs.worker 'w' { run = function() return 1 end }",
    "rs.worker 'w' { run = function() return 2 end }",
  },
  {
    'exec',
    "rs.command 'c' { exec = { 'a', 'b' } }",
    "rs.command 'c' { exec = { 'ab' } }",
  },
  {
    'ready',
    "rs.command 'c' { exec = { 'a' }, ready = rs.probe.tcp { port = 1 } }",
    "rs.command 'c' { exec = { 'a' }, ready = rs.probe.tcp { port = 2 } }",
  },
  {
    'env',
    "rs.command 'c' { exec = { 'a' }, env = { A = 1 } }",
    "rs.command 'c' { exec = { 'a' }, env = { A = 2 } }",
  },
  {
    'limits',
    "rs.command 'c' { exec = { 'a' }, limits = { open_files = 9 } }",
    "rs.command 'c' { exec = { 'a' }, limits = { open_files = 8 } }",
  },
}

describe('a unit keeps its identity when what changes is', function()
  for _, row in ipairs(SAME) do
    it(row[1], function() assert.equal(identity(row[2]), identity(row[3])) end)
  end

  it('a module that it does not require', function()
    local files = { ['other.lua'] = 'return 1' }
    local script = "require 'other' "
    local before = identity(BASE, files, script)
    files['other.lua'] = 'return 2'
    assert.equal(before, identity(BASE, files, script))
  end)
end)

describe('the contents of `files`', function()
  local SCRIPT = "return rs.supervisor 'p' { rs.command 'c' { exec = { 'a' }, "
    .. "reload = 'HUP', files = { '%s' } } }"

  local function compiled(path)
    local view = compile(SCRIPT:format(path))
    local exec = view.exec[view.spec[view.unit[1].spec].exec]
    return tostring(view.unit[1].identity), tostring(exec.files_hash)
  end

  local function write(path, text)
    local file = assert(io.open(path, 'w'))
    file:write(text)
    file:close()
  end

  it('are a hash of their own, in no identity', function()
    local path = os.tmpname()
    write(path, 'one')
    local identity_1, hash_1 = compiled(path)
    assert.equal(hash_1, select(2, compiled(path)))
    write(path, 'two')
    local identity_2, hash_2 = compiled(path)
    assert.equal(identity_1, identity_2)
    assert.not_equal(hash_1, hash_2)
    os.remove(path)
    assert.equal('0ULL', select(2, compiled(path)))
  end)
end)

describe('a unit gets another identity when what changes is', function()
  for _, row in ipairs(OTHER) do
    it(row[1], function() assert.not_equal(identity(row[2]), identity(row[3])) end)
  end

  it('its module, in any byte', function()
    local main = FILES['main.lua'] .. ' '
    assert.not_equal(identity(BASE), identity(BASE, { ['main.lua'] = main }))
  end)

  it(
    'a module that its module requires',
    function()
      assert.not_equal(identity(BASE), identity(BASE, { ['helper.lua'] = 'return 2' }))
    end
  )

  it('a module that its task has as an upvalue', function()
    local before = "local helper = require 'helper' "
    local task = "rs.worker 'w' { run = function() return helper end }"
    local one = { ['helper.lua'] = 'return { 1 }' }
    local two = { ['helper.lua'] = 'return { 2 }' }
    assert.not_equal(identity(task, one, before), identity(task, two, before))
  end)

  it('the functions of its backend', function()
    local task = "rs.worker 'w' { backend = 'box' }"
    local box = "rs.backend 'box' { start = print, stop = print, kill = print, "
      .. 'wait = function() return %d end } '
    assert.not_equal(
      identity(task, nil, box:format(1)),
      identity(task, nil, box:format(2))
    )
  end)
end)

describe('many units', function()
  it('share what is equal', function()
    local view = compile [[local all = {}
for i = 1, 2000 do
  all[i] = rs.worker('w' .. i) { run = 'beater', args = { i = i }, limits = nil }
end
return rs.supervisor 'p' (all)]]
    assert.equal(2001, view.count.unit)
    assert.equal(2, view.count.spec)
    assert.equal(1, view.count.life)
    assert.not_equal(tostring(view.unit[1].identity), tostring(view.unit[2].identity))
  end)
end)
