-- Every rule of a tree script: what breaks it, and what its author is told.

local assert = require 'luassert'
local scripts = require 'lua.scripts'

-- A root with one line of children.
local function tree(children, fields)
  return ("return rs.supervisor 'plant' { %s %s }"):format(fields or '', children)
end

local function unit(fields) return tree("rs.worker 'a' { " .. fields .. ' }') end
local function command(fields) return tree("rs.command 'a' { " .. fields .. ' }') end
local BEATER = "rs.worker 'b' { run = 'beater' }"
local function root(fields) return tree(BEATER, fields .. ',') end

local RULES = { -- script, the one mistake
  { 'return 42', '1: the script returns 42; it must return one supervisor' },
  { "return rs.worker 'a' { run = 'beater' }", '1: the script returns a worker' },
  { 'return rs.supervisor { ' .. BEATER .. ' }', '1: ?: the name is missing' },
  {
    root 'intensty = {}',
    "1: plant: unknown field 'intensty': did you mean 'intensity'?",
  },
  {
    unit "run = 'beater', backoff = { first = 1 }",
    "unknown field 'backoff': a worker has no such field, but a supervisor has: how",
  },
  {
    unit "run = 'beater', probes = rs.probe.memory { max = '1M' }",
    'probes is a probe; it must be a list of probes',
  },
  { root "after = { 'b' }", "plant: after: 'b' is no sibling: the root has none" },
  { unit "run = 'beater', after = { 'b' }", "after: 'b' is no sibling: it has none" },
  {
    tree(BEATER .. ", rs.worker 'c' { run = 'beater', after = { 'x' } }"),
    "after: 'x' is no sibling: they are: b",
  },
  {
    command "exec = { 'a' }, output = { max = 3 }",
    "output lacks [1]; it must be a table { path, max = '10M', keep = 5 }",
  },
  {
    command "exec = { 'a' }, ready = 'never'",
    "ready is 'never': it must be a probe, 'notify' or { fd = 3 }",
  },
  { root "strategy = 'one_for_al'", "'one_for_al': did you mean 'one_for_all'?" },
  {
    root 'intensity = { max = -1 }',
    'intensity.max is -1; it must be an integer from 0',
  },
  {
    root 'intensity = { within = 0 }',
    'intensity.within is 0; it must be seconds above 0',
  },
  {
    root 'intensity = { man = 1 }',
    "intensity has no field 'man': did you mean 'max'?",
  },
  { root 'intensity = { max = 1e7 }', 'integer from 0 to 1000000, or math.huge' },
  { root 'backoff = { max = 3 }', 'backoff lacks first' },
  { root 'backoff = { first = 3, max = 1 }', 'backoff.max is 1, below first, 3' },
  { root 'backoff = { first = 1, jitter = 2 }', 'it must be a number from 0 to 1' },
  { root "auto_shutdown = 'any'", "auto_shutdown is 'any': it must be one of" },
  { root 'isolate = 1', 'isolate is 1; it must be true or false' },
  { root 'isolate = false', 'the root is always a fault domain' },
  { root 'vms = 0', 'vms is 0; it must be an integer from 1' },
  { root "journal = 'short'", "'full', 'brief'" },
  { root 'on_activity = 3', 'on_activity is 3; it must be a function' },
  { root "limits = { memory = '64X' }", "limits.memory is '64X'; it must be a size" },
  { root "stall = 'long'", "stall is 'long'; it must be seconds above 0" },
  { root '[7] = 3', 'the list of children has a hole before item 7' },
  { tree '3', '1: plant: item 1 is 3; it must be a child' },
  { tree "rs.worker 'a'", 'item 1 is a function; it must be a child; has rs.worker' },
  { tree '', 'it has no children; put some into it, or give it a `pool`' },
  { tree "rs.worker 'a b' { run = 'beater' }", "the name 'a b' must be of letters" },
  { tree "rs.worker { run = 'beater' }", 'the name is missing; it must be of letters' },
  { tree(BEATER .. ',' .. BEATER), "plant/b: the name 'b' is taken by a sibling" },
  {
    tree "rs.supervisor 's' { vms = 2, rs.worker 'b' { run = 'beater' } }",
    'plant/s: vms is for a fault domain of its own: isolate = true',
  },
  {
    tree "rs.supervisor 's' { cwd = '/', rs.worker 'b' { run = 'beater' } }",
    'plant/s: cwd is for what has a process of its own: isolate = true',
  },
  {
    tree(
      "rs.worker 'x' { run = 'beater' }",
      "pool = rs.worker 'w' { run = 'beater' },"
    ),
    "plant/(pool): a pool's template has no name",
  },
  { root 'pool = 3', 'pool is 3; it must be a value made by rs.worker' },
  { unit '', "1: plant/a: run is missing; it must be a module's name" },
  { unit 'run = 3', "run is 3; it must be a module's name, worker.define" },
  { unit 'run = {}', 'run is a table; it must be made by worker.define' },
  { unit "run = 'beeter'", "there is no module 'beeter': neither" },
  {
    unit "run = 'beater', backend = 'tread'",
    "backend is 'tread': did you mean 'thread'?",
  },
  { unit "run = 'beater', restart = 'never'", "restart is 'never': it must be one of" },
  { unit "run = 'beater', shutdown = 'forevr'", "did you mean 'forever'?" },
  { unit "run = 'beater', shutdown = -1", 'it must be seconds, at least 0' },
  { unit "run = 'beater', launch = 0", 'launch is 0; it must be seconds above 0' },
  { unit "run = 'beater', limits = {}", "process of its own: backend = 'process'" },
  {
    unit "run = 'beater', args = { f = print }",
    'args.f is a function; only plain data',
  },
  {
    unit "run = 'beater', significant = true, restart = 'permanent'",
    "significant is for what ends: not with restart = 'permanent'",
  },
  {
    unit "run = 'beater', after = 'b'",
    "after is 'b'; it must be a list of siblings'",
  },
  { unit "run = 'beater', after = { 'a' }", "after: 'a' is itself" },
  { unit "run = 'beater', after = { 'b' }", "after: 'b' is no sibling" },
  {
    unit "run = 'beater', lifecycle = { runing = {} }",
    "lifecycle.runing: no such state: did you mean 'running'?",
  },
  {
    unit "run = 'beater', lifecycle = { running = { heartbeet = 1 } }",
    "only timeouts can be given here: did you mean 'heartbeat'?",
  },
  {
    unit "run = 'beater', lifecycle = { stopped = { timeout = 1 } }",
    'that state ends',
  },
  { unit 'run = function() end, lifecycle = {}', 'a task, a `run` that is a function' },
  { unit "run = 'beater', 5", 'a worker has no children' },
  { unit "run = 'beater', backend = 'process', umask = '9'", "such as '022'" },
  {
    unit "run = 'beater', backend = 'process', env = { ['A='] = 1 }",
    'a name without =',
  },
  {
    unit "run = 'beater', backend = 'process', nice = 20",
    'an integer from -20 to 19',
  },
  { command '', 'exec is missing; it must be a list of strings' },
  { command "exec = 'ls -l'", "exec is 'ls -l'; it must be a list of strings" },
  { command 'exec = {}', 'exec is empty; it must be a list of strings' },
  { command "exec = { 'x' }, stop = 'TREM'", "stop is 'TREM': did you mean 'TERM'?" },
  { command "exec = { 'x' }, reload = 'HUP'", 'reload needs files' },
  { command "exec = { 'x' }, files = { 'a' }", 'files needs reload' },
  { command "exec = { 'x' }, ready = 'notfy'", "did you mean 'notify'?" },
  {
    command "exec = { 'x' }, ready = { fd = 1 }",
    'ready.fd is 1; it must be an integer',
  },
  { command "exec = { 'x' }, output = { max = '1M' }", 'output lacks [1]' },
  { command "exec = { 'x' }, args = 3", "unknown field 'args'" },
  { command "exec = { 'x' }, pre = { { 'y' }, timeout = 0 }", 'pre.timeout is 0' },
  {
    command "exec = { 'x' }, pre = { { 'y' }, timout = 1 }",
    "pre has no field 'timout'",
  },
  {
    command "exec = { 'x' }, probes = { rs.probe.memry { max = 1 } }",
    "rs.probe.memry: there is no such probe: did you mean 'memory'?",
  },
  {
    command "exec = { 'x' }, probes = { rs.probe.memory {} }",
    'rs.probe.memory lacks max',
  },
  {
    command "exec = { 'x' }, probes = { rs.probe.tcp { port = 1, evry = 1 } }",
    "rs.probe.tcp: unknown field 'evry': did you mean 'every'?",
  },
  {
    command "exec = { 'x' }, probes = { rs.probe.tcp { port = 1, timeout = 0 } }",
    'rs.probe.tcp.timeout is 0',
  },
  {
    command "exec = { 'x' }, probes = { rs.probe.tcp { port = 1, when = 'runing' } }",
    "'runing' is no state: did you mean 'running'?",
  },
  {
    command "exec = { 'x' }, probes = { rs.probe.tcp { port = 1, action = 'wran' } }",
    "did you mean 'warn'?",
  },
  {
    command(
      "exec = { 'x' }, probes = { rs.all { rs.probe.tcp { port = 1, every = 2 }, "
        .. 'rs.probe.tcp { port = 2, every = 3 } } }'
    ),
    'rs.probe.tcp.every is 2, but rs.probe.tcp.every is 3: they look as one',
  },
  {
    command "exec = {'x'}, probes = { rs.no(rs.probe.tcp { port = 1, when = 'up' }) }",
    "rs.no.when: 'up' is no state",
  },
  {
    command(
      "exec = { 'x' }, probes = { rs.no { rs.probe.tcp { port = 1 }, rs.probe.tcp "
        .. '{ port = 2 } } }'
    ),
    'rs.no has 2 probes; it takes one',
  },
  {
    command "exec = { 'x' }, probes = { rs.probe.output { pattern = '[' } }",
    "pattern is '['; it must be a Lua pattern: malformed pattern",
  },
  {
    command(
      "exec = { 'x' }, output = 'inherit', probes = { rs.probe.output "
        .. "{ pattern = 'x' } }"
    ),
    "with output = 'inherit' nobody reads what it writes",
  },
  { root "probes = { rs.probe.output { pattern = 'x' } }", 'a supervisor writes' },
  {
    command "exec = { 'x' }, probes = rs.probe.tcp { port = 1 }",
    'probes is a probe; it must be a list of probes',
  },
  {
    command "exec = { 'x' }, probes = { rs.no(3) }",
    'rs.no: item 1 is 3; it must be a',
  },
  {
    command "exec = { 'x' }, probes = { 3 }",
    'probes[1] is 3; it must be a value made by',
  },
  {
    unit(
      "run = 'beater', probes = { rs.probe.lua { check = print, action = "
        .. "{ emit = 'pause' } } }"
    ),
    "no state of its lifecycle has the event 'pause'",
  },
  {
    "rs.probe.define('mine', { check = 3 }) " .. tree(BEATER),
    'check is 3; it takes { fields',
  },
  {
    "rs.probe.define('tcp', { check = print }) " .. tree(BEATER),
    "there is a probe 'tcp'",
  },
  {
    "rs.backend 'thread' { start = print, stop = print, kill = print, wait = print } "
      .. tree(BEATER),
    'there is a backend of this name already',
  },
  {
    "rs.backend 'd' { start = print, stop = print, kill = print } " .. tree(BEATER),
    "rs.backend 'd': wait is missing; it must be a function",
  },
  { tree(BEATER .. ", rs.channel 'c' { capacity = 0 }"), "channel 'c': capacity is 0" },
  { tree(BEATER .. ", rs.channel 'c' { rejects = 'd' }"), "rejects: no channel 'd'" },
  { tree(BEATER .. ", rs.channel 'c' { rejects = 'c' }"), 'comes back here' },
  {
    tree(BEATER .. [[,
      rs.channel 'c' { rejects = 'd' }, rs.channel 'd' { rejects = 'c' }]]),
    'comes back here',
  },
  {
    tree(BEATER .. ", rs.channel 'c' {}, rs.channel 'c' {}"),
    'a channel of this name',
  },
  {
    root "rs.channel 'a' { durable = 'x' }, rs.channel 'b' { durable = './x' }",
    "durable: './x' is the file of channel 'a' (",
  },
}

local CYCLES = { -- children with `after`, fields of the root, the mistake
  { { a = 'b', b = 'a' }, '', 'a cycle never starts' },
  { { a = 'b', b = 'c', c = 'a' }, '', 'a cycle never starts' },
  { { a = 'b' }, 'ordered = true,', "'b' comes later in the list" },
  { { a = 'b' }, "strategy = 'rest_for_one',", "'b' comes later in the list" },
}

describe('a tree that breaks one rule has one mistake:', function()
  for _, rule in ipairs(RULES) do
    it(rule[2], function()
      local view, mistakes = scripts.evaluate(rule[1])
      assert.is_nil(view)
      assert.equal(1, #mistakes, table.concat(mistakes, '\n'))
      assert.truthy(mistakes[1]:find(rule[2], 1, true), mistakes[1])
      assert.is_nil(mistakes[1]:find('[C]', 1, true))
    end)
  end

  for _, row in ipairs(CYCLES) do
    it(row[3] .. ' ' .. row[2], function()
      local children = {}
      for _, name in ipairs { 'a', 'b', 'c' } do
        local after = row[1][name] and ("{ '%s' }"):format(row[1][name]) or '{}'
        local form = "rs.worker '%s' { run = 'beater', after = %s }"
        children[#children + 1] = form:format(name, after)
      end
      local _, mistakes = scripts.evaluate(tree(table.concat(children, ','), row[2]))
      assert.equal(1, #mistakes, table.concat(mistakes, '\n'))
      assert.truthy(mistakes[1]:find(row[3], 1, true), mistakes[1])
    end)
  end
end)

describe('a script', function()
  it('has all its mistakes told in one go, in the order of its lines', function()
    local _, mistakes = scripts.evaluate [[return rs.supervisor 'plant' {
  rs.worker 'a' { run = 'beater', restrat = 'permanent' },
  rs.worker 'b' { run = 'beater', after = { 'c' } },
  rs.supervisor 's' {
    rs.command 'x' { exec = 'y' },
  },
  rs.worker 'a' { run = 'nowhere' },
}]]
    local starts = {}
    for i, text in ipairs(mistakes) do
      starts[i] = text:match '^(%d+: [%w/]+)'
    end
    assert.same(
      { '2: plant/a', '3: plant/b', '5: plant/s/x', '7: plant/a', '7: plant/a' },
      starts
    )
  end)

  it('that does not compile or raises says where', function()
    local rows = {
      { 'return {', '1: ', 'unexpected symbol' },
      { '\nlocal x = nil + 1', '2: ', 'arithmetic' },
      { "\n\nerror 'no sensor'", '3: ', 'no sensor' },
      { 'error {}', '1: ', 'an error that is no text' },
      { '\nreturn rs.wroker {}', '2: ', "did you mean 'worker'?" },
      { "\nrequire 'nowhere'", '2: ', "there is no module 'nowhere'" },
    }
    for _, row in ipairs(rows) do
      local _, mistakes = scripts.evaluate(row[1])
      assert.equal(1, #mistakes)
      assert.equal(row[2], mistakes[1]:sub(1, #row[2]))
      assert.truthy(mistakes[1]:find(row[3], 1, true), mistakes[1])
    end
  end)

  it('has the mistakes of its modules told where they are', function()
    local script = "return rs.supervisor 'p' { rs.worker 'a' { run = 'bad' } }"
    local rows = {
      { '\nlocal x = nil + 1', 'bad.lua:2: p/a: ', 'arithmetic' },
      { '\n\nreturn {', 'bad.lua:3: p/a: ', 'unexpected symbol' },
      { "\nrequire 'worse'", 'bad.lua:2: p/a: ', "there is no module 'worse'" },
      {
        'return 3',
        'bad.lua:1: p/a: ',
        "module 'bad' returns 3; it must return worker",
      },
      { 'local x = 1', 'bad.lua:1: p/a: ', "module 'bad' returns nothing" },
      {
        "return require('runsmith.worker').define(3)",
        'bad.lua:1: p/a: ',
        'takes a table',
      },
    }
    for _, row in ipairs(rows) do
      local _, mistakes = scripts.evaluate(script, { ['bad.lua'] = row[1] })
      assert.equal(1, #mistakes, table.concat(mistakes, '\n'))
      assert.equal(row[2], mistakes[1]:sub(1, #row[2]), mistakes[1])
      assert.truthy(mistakes[1]:find(row[3], 1, true), mistakes[1])
    end
  end)

  it('names the upvalue that cannot travel, and its line', function()
    local _, mistakes = scripts.evaluate [[local handle = io.tmpfile()
return rs.supervisor 'p' {
  rs.worker 'a' { run = function()
    local x = 1
    return handle:read(x)
  end },
}]]
    assert.equal(1, #mistakes)
    assert.truthy(
      mistakes[1]:find("5: p/a: upvalue 'handle': it is a userdata", 1, true),
      mistakes[1]
    )
  end)

  it('with a mistake in a definition that many units share has it told once', function()
    local _, mistakes = scripts.evaluate(
      [[local all = {}
for i = 1, 5 do all[i] = rs.worker('w' .. i) { run = 'bad' } end
return rs.supervisor 'p' (all)]],
      {
        ['bad.lua'] = [[
local worker = require 'runsmith.worker'
return worker.define { lifecycle = { { 'a', on = { go = 'b' } } } }]],
      }
    )
    assert.equal(1, #mistakes, table.concat(mistakes, '\n'))
  end)

  it('may leave out what has a default, and use what the reference shows', function()
    local view, mistakes = scripts.evaluate(tree(BEATER))
    assert.truthy(view, table.concat(mistakes, '\n'))
    assert.equal(2, view.count.unit)
  end)
end)
