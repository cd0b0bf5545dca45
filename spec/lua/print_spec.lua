-- The printer: how entries read, and that nothing on its input or output trips it.

local assert = require 'luassert'
local entry = require 'cli.entry'
local json = require 'cjson'
local scripts = require 'lua.scripts'

local READS = { -- kind, fields, how it reads
  { 'started', { pid = 42, backend = 'process' }, 'process, pid 42' },
  {
    'started',
    { backend = 'thread', incarnation = 2 },
    'again (incarnation 2), thread',
  },
  { 'transition', { from = 'a', event = 'go', to = 'b' }, 'a → b (go)' },
  { 'transition', { to = 'a' }, '→ a' },
  {
    'violation',
    { constraint = 'heartbeat', state = 'polling', limit = 2, observed = 2.004 },
    "heartbeat 2 s: silent for 2.0 s in 'polling'",
    'red',
  },
  { 'violation', { constraint = 'protocol' }, 'protocol', 'red' },
  { 'exited', { reason = 'ok', expected = false }, 'ok' },
  {
    'exited',
    { reason = 'exception', detail = 'x.lua:1: boom\nstack' },
    'exception: x.lua:1: boom',
    'red',
  },
  { 'exited', { reason = 'signal', signal = 'SIGKILL' }, 'signal: SIGKILL', 'red' },
  { 'exited', { reason = 'error', status = 3 }, 'error: status 3', 'red' },
  {
    'exited',
    { reason = 'stuck', where = 'stack traceback:\n\tstd/x.lua:1\n\ty.lua:2: in f' },
    'stuck: in y.lua:2: in f',
    'red',
  },
  { 'killed', { why = 'shutdown' }, 'did not stop in time', 'red' },
  {
    'restart',
    { why = 'failed', charged = true, delay = 0.5 },
    'in 0.5 s (it failed)',
    'yellow',
  },
  {
    'restart',
    { why = 'collateral', charged = false, delay = 0 },
    "now (another's fault, not charged)",
    'yellow',
  },
  {
    'restart',
    { why = 'failed', charged = true, delay = 0, detail = 'its runner was ended by X' },
    'now (it failed: its runner was ended by X)',
    'yellow',
  },
  { 'collateral', { culprit = 'p/a' }, 'of p/a', 'yellow' },
  {
    'escalated',
    { max = 3, within = 5 },
    'gives up: more than 3 restarts in 5 s',
    'red',
  },
  { 'output', { stream = 'stderr', text = 'hm' }, '! hm' },
  {
    'log',
    { level = 'warn', text = 'low', fields = { b = 2, a = 1 } },
    'warn: low  a=1 b=2',
    'yellow',
  },
  {
    'reload',
    { added = 1, removed = 2, changed = 3, unchanged = 4 },
    '1 added, 2 removed, 3 changed, 4 unchanged',
  },
  { 'stop', { by = 'me' }, 'by me' },
  { 'dropped', { up_to = 9 }, 'entries up to 9', 'yellow' },
  { 'strange', { a = 1, b = 'c' }, 'a=1 b=c' },
}

describe('an entry reads well:', function()
  for _, row in ipairs(READS) do
    it(row[1] .. ': ' .. row[3], function()
      row[2].kind = row[1]
      local colour, text = entry.read(row[2])
      assert.equal(row[3], text)
      if row[4] then assert.equal(row[4], colour) end
    end)
  end
end)

local PROGRAM = "package.path = 'lua/?.lua;lua/?/init.lua;' .. package.path\n"
  .. "os.exit(require('cli.print')({ unpack(arg) }))\n"

local dir

setup(function() dir = scripts.folder { ['print.lua'] = PROGRAM } end)
teardown(function() scripts.remove(dir) end)

local function line(fields)
  fields.time = fields.time or '2026-01-02T03:04:05.678901Z'
  return json.encode(fields) .. '\n'
end

-- What the printer makes of its input.
local function print_it(how, input, after)
  local file = assert(io.open(dir .. 'in', 'w'))
  file:write(input)
  file:close()
  local command = ('TZ=UTC NO_COLOR= luajit %sprint.lua %s 2>&1 < %sin%s'):format(
    dir,
    how,
    dir,
    after or ''
  )
  local pipe = io.popen(command)
  local text = pipe:read '*a'
  pipe:close()
  return text
end

describe('the printer', function()
  it('aligns what it writes, the traceback below its line', function()
    local text =
      print_it('text', line { unit = 'plant/poller', kind = 'ready' } .. line {
        unit = 'plant',
        kind = 'violation',
        constraint = 'stall',
        limit = 2,
        observed = 2.5,
        where = 'poller.lua:3: in poll\nmore',
      })
    assert.equal(
      '03:04:05.678  plant/poller  ready\n'
        .. '03:04:05.678  plant         violation   '
        .. 'stall 2 s: ran for 2.5 s without a wait\n'
        .. '              poller.lua:3: in poll\n              more\n',
      text
    )
  end)

  it('gives the time of day where it runs', function()
    local file = assert(io.open(dir .. 'in', 'w'))
    file:write(line { time = '2024-02-29T23:59:59.5Z', kind = 'ready' })
    file:close()
    local pipe =
      io.popen(('TZ=XST-2 luajit %sprint.lua text 2>&1 < %sin'):format(dir, dir))
    assert.equal('01:59:59.5', pipe:read('*a'):match '^%S+')
    pipe:close()
  end)

  it('copies JSON byte for byte', function()
    local input = line { kind = 'ready' } .. 'not json\n\0\255\npartial'
    assert.equal(input, print_it('json', input):sub(1, #input))
  end)

  it('shows what is no entry as it is, and lets nothing move the cursor', function()
    local text = print_it('text', 'oops\n[1,2]\n{"kind":\n' .. line {
      kind = 'output',
      stream = 'stdout',
      text = 'a\27[31mb\27]0;c\7\r\194\155d',
    })
    assert.truthy(text:find('oops\n[1,2]\n{"kind":\n', 1, true), text)
    assert.truthy(text:find('| ab?]0;c???d', 1, true), text)
  end)

  it('leaves out a line that is too long, and goes on', function()
    local text =
      print_it('text', ('x'):rep(3 * 2 ^ 20) .. '\n' .. line { kind = 'ready' })
    assert.equal('a journal line of more than 1 MiB is left out', text:match '^[^\n]*')
    assert.truthy(text:find 'ready\n$')
  end)

  it(
    'shows a last line that has no end',
    function() assert.equal('half\n', print_it('text', 'half')) end
  )

  it('shows every line of a flood, in order', function()
    local lines = {}
    for i = 1, 20000 do
      lines[i] = (
        '{"time":"2026-01-02T03:04:05.6Z","kind":"log","level":"info",'
        .. '"unit":"p/w","text":"%d"}\n'
      ):format(i)
    end
    local text, count = print_it('text', table.concat(lines)), 0
    for number in text:gmatch 'log         (%d+)\n' do
      count = count + 1
      assert.equal(count, tonumber(number))
    end
    assert.equal(20000, count)
  end)

  it('ends quietly when nobody reads', function()
    local file = assert(io.open(dir .. 'in', 'w'))
    file:write(line({ kind = 'ready', unit = 'p' }):rep(5000))
    file:close()
    local command =
      '(luajit %sprint.lua text < %sin; echo $? > %sstatus) 2>&1 | head -n 1'
    local pipe = io.popen(command:format(dir, dir, dir))
    local text = pipe:read '*a'
    pipe:close()
    assert.truthy(text:find 'ready\n$')
    local status = assert(io.open(dir .. 'status'))
    assert.equal('0', status:read '*l')
    status:close()
  end)
end)
