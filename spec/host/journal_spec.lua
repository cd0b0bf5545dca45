-- The journal: numbered without a gap, each entry with its cause, kept across hosts.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local json = require 'cjson'
local misdeed = require 'host.support.misdeed'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'

local function read_journal(path)
  local entries = {}
  for line in posix.slurp(path):gmatch '[^\n]+' do
    entries[#entries + 1] = json.decode(line)
  end
  return entries
end

local function numbered(entries)
  for i = 2, #entries do
    assert.equal(entries[i - 1].seq + 1, entries[i].seq)
  end
end

local function run_once(folder)
  local host = harness.start {
    files = fixtures.files('coroutine', 'raise'),
    args = { '--journal', folder .. '/journal' },
  }
  host:wait_for { kind = 'ready', unit = 'plant' }
  return host
end

-- A host whose journal's memory has let go of its begin. A byte that is no UTF-8 is
-- three in the journal: 64 MiB are soon full.
local function overflown(args)
  local filler = "local log = require 'std.log'\nreturn function()\n"
    .. "  for _ = 1, 1500 do log.info('x', { ('\\255'):rep(16000) }) end\nend\n"
  local host = control.start({
    ['tree.lua'] = "local rs = require 'runsmith'\nreturn rs.supervisor 'plant' {\n"
      .. "  rs.command 'stays' { exec = { 'sleep', '1000' } },\n"
      .. "  pool = rs.worker { run = function() require 'filler' () end } }",
    ['filler.lua'] = filler,
  }, args)
  parts.kill(host, 'printer') -- nobody here reads that much
  control.ask(host, { op = 'add', path = 'plant', name = 'filler' })
  local client = control.open(host)
  local unit
  repeat
    unit = client:ask { id = 1, op = 'status', path = 'plant/filler' }
    host:watch(0.05)
  until not unit.ok
  return host, client
end

describe('the journal', function()
  local folder

  before_each(function() folder = posix.scratch() end)
  after_each(function()
    harness.sweep()
    os.execute(("rm -rf '%s'"):format(folder))
  end)

  it('has no gap, and causes that lie before their effects', function()
    local host, ready = misdeed.commit('coroutine', 'raise')
    misdeed.comes_back(host, ready)
    host:wait_end(host:signal 'TERM' and 20)
    numbered(host.entries)
    for _, entry in ipairs(host.entries) do
      if entry.cause then assert.is_true(entry.cause < entry.seq) end
      assert.truthy(entry.time:match '^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+Z$')
    end
    local exited = host:all { kind = 'exited', unit = 'plant/culprit' }[1]
    local restart = host:all { kind = 'restart', unit = 'plant/culprit' }[1]
    local again = host:all({ kind = 'started', unit = 'plant/culprit' }, ready)[1]
    assert.equal(exited.seq, restart.cause)
    assert.equal(restart.seq, again.cause)
    host:finish()
  end)

  it('names the cause of all but orders; of what a unit says, its start', function()
    local host, ready = misdeed.commit('coroutine', 'raise')
    misdeed.comes_back(host, ready)
    host:wait_end(host:signal 'TERM' and 20)
    local orders, said = { reload = true, stop = true }, 0
    for _, entry in ipairs(host.entries) do
      if not orders[entry.kind] then
        assert.truthy(entry.cause, json.encode(entry))
        local is_said = entry.kind == 'log' or entry.kind == 'output'
        if is_said then
          said = said + 1
          assert.equal('started', host.entries[entry.cause].kind)
        end
      end
    end
    assert.is_true(said > 0)
    host:finish { signal = false }
  end)

  it('tells what a worker did and said in the order in which it did', function()
    local host = harness.start {
      files = {
        ['tree.lua'] = "local rs = require 'runsmith'\n"
          .. "return rs.supervisor 'plant' { rs.worker 'talker' { run = 'talker' } }",
        ['talker.lua'] = "local log = require 'std.log'\n"
          .. "return require('runsmith.worker').define {\n"
          .. "  starting = function()\n    log.info('one', { '\\255', { 2 } })\n"
          .. "    print 'two'\n    return 'run'\n  end,\n"
          .. "  running = function() log.info 'three' return 'complete' end,\n"
          .. '}',
      },
    }
    host:wait_end(20)
    local told = {}
    for _, entry in ipairs(host:all { unit = 'plant/talker' }) do
      told[#told + 1] = entry.text or entry.to or entry.kind
    end
    local order = 'started starting one two running ready three terminating'
      .. ' stopped exited'
    assert.equal(order, table.concat(told, ' '):gsub(' completed', ''))
    local one = host:all({ text = 'one' })[1]
    assert.same({ '\239\191\189', { 2 } }, one.fields) -- no byte that is no UTF-8
    host:finish()
  end)

  it('says up to which entry memory has none any more', function()
    local host, client = overflown()
    client:send '{"id":1,"op":"journal","since":2}\n'
    local gap, first = client:object(), client:object()
    client:close()
    assert.same({ 'dropped', 3, first.seq - 1, first.seq - 1, first.boot },
      { gap.kind, gap.from, gap.up_to, gap.seq, gap.boot })
    assert.truthy(gap.time:find '^%d+%-%d+%-%d+T[%d:]+%.%d+Z$')
    assert.is_true(gap.mono > first.mono)
    host:finish()
  end)

  it('says why from the files, older ones too, or that it has it no longer', function()
    local host = overflown { '--journal', folder .. '/journal' }
    assert(io.open(folder .. '/journal.1')):close()
    local _, out = control.run(host, 'why', 'plant/stays')
    assert.truthy(out:find 'plant/stays +started: .-plant +started: .-reload: ', out)
    host:finish()
    host = overflown()
    _, out = control.run(host, 'why', 'plant/stays')
    assert.truthy(out:find 'stays: healthy .-\n  the journal has no longer what', out)
    host:finish()
  end)

  it('goes on with seq in a later host, under a new boot', function()
    run_once(folder):finish()
    local first = read_journal(folder .. '/journal')
    run_once(folder):finish()
    local both = read_journal(folder .. '/journal')
    assert.is_true(#both > #first and #first > 10)
    numbered(both)
    assert.not_equal(first[1].boot, both[#both].boot)
    assert.equal(first[1].boot, first[#first].boot)
  end)

  it('has one host at a time', function()
    local host = run_once(folder)
    local other = harness.start {
      files = fixtures.files('coroutine', 'raise'),
      args = { '--journal', folder .. '/journal' },
    }
    assert.equal(1, other:wait_end())
    assert.truthy(other.text[1]:find '/journal: another host writes there$')
    host:finish()
    other:finish { signal = false, status = 1 }
    numbered(read_journal(folder .. '/journal'))
  end)

  it('is complete up to a kill -9 of the host', function()
    local host = run_once(folder)
    parts.kill(host, 'engine')
    host:finish { signal = false, status = 1, stale_socket = true }
    local entries = read_journal(folder .. '/journal')
    numbered(entries)
    local last = host.entries[#host.entries]
    assert.is_true(entries[#entries].seq >= last.seq)
  end)
end)
