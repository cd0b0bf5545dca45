-- What a supervisor's and a child's fields do, from the script to the journal.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'

local HEAD = [[
local rs = require 'runsmith'
local function idle(ctx)
  local time = require 'std.time'
  while not ctx.stopping do time.sleep(60) end
end
local function deaf() while true do require('std.time').sleep(1) end end
local function fails() require('std.time').sleep(0.02) error 'it fails' end
local function fails_once(ctx)
  if ctx.incarnation == 0 then fails() end
  idle(ctx)
end
local function ends() require('std.time').sleep(0.02) end
local function last() require('std.time').sleep(0.3) end
]]

-- What is to be seen of an entry.
local SHOWN = {
  restart = function(e) return e.why .. (e.charged and ' charged' or '') end,
  escalated = function(e) return ('%d %s'):format(e.max, e.child or '') end,
  exited = function(e) return e.reason .. (e.expected and ' expected' or '') end,
  violation = function(e) return ('%s %g'):format(e.constraint, e.limit) end,
  killed = function(e) return e.why end,
  completed = function() return '' end,
  started = function(e) return tostring(e.incarnation) end,
}

local CASES = {
  {
    'a limit counts restarts, whatever they were for',
    [[intensity = { max = 2, within = math.huge },
      rs.worker 'a' { run = ends, restart = 'permanent' }]],
    { 'restart', 'escalated' },
    { 'a restart ended charged', 'a restart ended charged', 'plant escalated 2 ' },
  },
  {
    'a child has a limit of its own, too',
    [[rs.worker 'a' { run = fails, intensity = { max = 1 } },
      rs.worker 'b' { run = idle }]],
    { 'restart', 'escalated' },
    { 'a restart failed charged', 'plant escalated 1 plant/a' },
  },
  {
    'none restarts where max is 0',
    [[intensity = { max = 0 }, rs.worker 'a' { run = fails }]],
    { 'restart', 'escalated' },
    { 'plant escalated 0 ' },
  },
  {
    'a supervisor that gave up is a failed child, and begins anew',
    [[intensity = { max = 1 }, rs.supervisor 's' { intensity = { max = 1 },
      rs.worker 'a' { run = fails } }]],
    { 'restart', 'escalated', 'exited' },
    {
      's/a exited exception', 's/a restart failed charged', 's/a exited exception',
      's escalated 1 ', 's exited children', 's restart failed charged',
      's/a exited exception', 's/a restart failed charged', 's/a exited exception',
      's escalated 1 ', 's exited children', 'plant escalated 1 ',
      'plant exited children',
    },
  },
  {
    'one_for_all: all but who is temporary, one charge',
    [[strategy = 'one_for_all', auto_shutdown = 'any_significant',
      rs.worker 'a' { run = idle }, rs.worker 'f' { run = fails_once },
      rs.worker 't' { run = idle, restart = 'temporary' },
      rs.worker 'z' { run = last, significant = true }]],
    { 'restart', 'started' },
    {
      'plant started 0', 'a started 0', 'f started 0', 't started 0', 'z started 0',
      'f restart failed charged', 'z restart strategy', 'a restart strategy',
      'a started 1', 'f started 1', 'z started 1',
    },
  },
  {
    'rest_for_one: those after it, in order, the completed ones too',
    [[strategy = 'rest_for_one', auto_shutdown = 'any_significant',
      rs.worker 'a' { run = idle }, rs.worker 'f' { run = fails_once },
      rs.worker 'd' { run = function() end },
      rs.worker 'z' { run = last, significant = true }]],
    { 'restart', 'started' },
    {
      'plant started 0', 'a started 0', 'f started 0', 'd started 0', 'z started 0',
      'f restart failed charged', 'd restart strategy', 'z restart strategy',
      'f started 1', 'd started 1', 'z started 1',
    },
  },
  {
    'all_significant waits for the last of them, however it ends',
    [[auto_shutdown = 'all_significant',
      rs.worker 'a' { run = ends, significant = true },
      rs.worker 'b' { run = fails, significant = true, restart = 'temporary',
                      after = { 'a' } },
      rs.worker 'c' { run = idle, restart = 'permanent' }]],
    { 'exited', 'completed' },
    {
      'a exited ok', 'a completed ', 'b exited exception', 'c exited ok expected',
      'plant exited ok', 'plant completed ',
    },
  },
  {
    'a supervisor completes with its children, and is a dependency like any',
    [[rs.worker 'b' { run = last, after = { 's' } }, rs.supervisor 's' { ordered = true,
      rs.worker 'x' { run = ends }, rs.worker 'y' { run = ends } }]],
    { 'completed', 'started' },
    {
      'plant started 0', 's started 0', 's/x started 0', 's/y started 0', 'b started 0',
      's/x completed ', 's/y completed ', 's completed ', 'b completed ',
      'plant completed ',
    },
  },
  {
    'shutdown bounds each stop; kill does not ask, and breaks no limit',
    [[auto_shutdown = 'any_significant', ordered = true,
      rs.supervisor 'k' { shutdown = 'kill', rs.worker 'x' { run = deaf } },
      rs.supervisor 's' { shutdown = 0.1, rs.worker 'x' { run = deaf } },
      rs.worker 'w' { run = deaf, shutdown = 0.1 },
      rs.worker 'n' { run = deaf, shutdown = 'kill' },
      rs.worker 'z' { run = ends, significant = true }]],
    { 'exited', 'violation', 'killed' },
    {
      'z exited ok', 'n exited interrupted expected', 'w violation shutdown 0.1',
      'w exited interrupted expected', 's violation shutdown 0.1', 's killed shutdown',
      's/x exited interrupted expected', 's exited ok expected',
      'k/x exited interrupted expected', 'k exited ok expected', 'plant exited ok',
    },
  },
}

local function seen(host, kinds)
  local lines, wanted = {}, {}
  for _, kind in ipairs(kinds) do
    wanted[kind] = true
  end
  for _, entry in ipairs(host.entries) do
    if wanted[entry.kind] then
      local unit = entry.unit:gsub('^plant/', '')
      local shown = SHOWN[entry.kind](entry)
      lines[#lines + 1] = ('%s %s %s'):format(unit, entry.kind, shown)
    end
  end
  return lines
end

local function start(fields)
  local script = ("%sreturn rs.supervisor 'plant' { %s }"):format(HEAD, fields)
  return harness.start { files = { ['tree.lua'] = script } }
end

-- The entry that led to this one, and so on back to the first.
local function chain(host, entry)
  local kinds = {}
  while entry do
    table.insert(kinds, 1, ('%s %s'):format(entry.unit, entry.kind))
    entry = entry.cause and host:all({ seq = entry.cause })[1]
  end
  return kinds
end

describe('in a real program', function()
  after_each(harness.sweep)
  for _, case in ipairs(CASES) do
    it(case[1], function()
      local host = start(case[2])
      local status = host:wait_end()
      assert.same(case[4], seen(host, case[3]))
      local failed = #host:all { kind = 'escalated', unit = 'plant' } > 0
      assert.equal(failed and 1 or 0, status)
      host:finish { status = status }
    end)
  end

  it('what ends in a stop, late or not, is the work of who stopped it', function()
    local host = start [[rs.supervisor 's' { rs.supervisor 't' { shutdown = 0.3,
      rs.worker 'x' { run = deaf }, rs.worker 'y' { run = idle } } }]]
    host:wait_for { kind = 'ready', unit = 'plant' }
    assert.is_true(control.ask(host, { op = 'stop', path = 'plant/s' }).ok)
    assert.same({ 'plant/s stop', 'plant/s/t/y exited' },
      chain(host, host:wait_for { kind = 'exited', unit = 'plant/s/t/y' }))
    local late = host:wait_for { kind = 'exited', unit = 'plant/s/t/x' }
    assert.same({ 'plant/s stop', 'plant/s/t violation', 'plant/s/t killed',
      'plant/s/t/x exited' }, chain(host, late))
    host:finish()
  end)

  it('a unit that is down for good has the incarnation that it had', function()
    local host = start [[rs.worker 'a' { run = function() end },
      rs.worker 'b' { run = fails, restart = 'temporary' },
      rs.worker 'c' { run = idle }]]
    host:wait_for { kind = 'exited', unit = 'plant/b' }
    host:wait_for { kind = 'ready', unit = 'plant/c' }
    control.ask(host, { op = 'stop', path = 'plant/c' })
    for _, child in ipairs(control.ask(host, { op = 'status' }).result.children) do
      assert.same({ child.path, 0 }, { child.path, child.incarnation })
    end
    host:finish()
  end)

  it('who would wait for ever is told for whom', function()
    local host = start [[rs.worker 'late' { run = idle, after = { 'x' } },
      rs.command 'x' { exec = { 'false' }, ready = 'notify', restart = 'temporary' },
      rs.worker 'b' { run = idle, after = { 'a' } }, rs.worker 'a' { run = idle }]]
    host:wait_for { kind = 'exited', unit = 'plant/x' }
    host:wait_for { kind = 'ready', unit = 'plant/b' }
    control.ask(host, { op = 'stop', path = 'plant/a' })
    for verb, said in pairs {
      restart = { 'b', 'waits', 'it waits for plant/a, which is stopped' },
      start = { 'late', 'waits', 'it waits for plant/x, which has failed' },
    } do
      local answer = control.ask(host, { op = verb, path = 'plant/' .. said[1] })
      assert.same(said, { said[1], answer.error.code, answer.error.message })
    end
    control.ask(host, { op = 'start', path = 'plant/a' })
    host:wait_for { kind = 'ready', unit = 'plant/b', incarnation = 1 }
    host:finish()
  end)

  it('runsmith stop says who is waited for, and until when', function()
    local host = start [[rs.supervisor 's' {
      rs.worker 'x' { run = deaf, shutdown = 1 }, rs.worker 'y' { run = idle } }]]
    host:wait_for { kind = 'ready', unit = 'plant' }
    local status, out = control.run(host, 'stop', 'plant/s')
    assert.equal(0, status)
    assert.truthy(out:find('^waits for plant/s/x: stopping for 0%.%d s; '
      .. 'ended by force in 0?%.?%d+ m?s\nplant/s: stopped\n$'), out)
    host:finish()
  end)
end)
