-- std.http with many at once, with TLS, and at the end: stops, kills, what is left.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local web = require 'host.support.web'

local MANY = tonumber(os.getenv 'RS_WEB_MANY' or 2000)
local LISTENERS = tonumber(os.getenv 'RS_WEB_LISTENERS' or 500)

local CROWD = [[
    local streams, many = {}, %d
    for i = 1, many do
      streams[i] = connect()
    end
    for i = 1, many do
      streams[i]:write 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'
    end
    for i = 1, many do
      equal('HTTP/1.1 200 OK', streams[i]:read_line())
    end
    for i = 1, many do
      streams[i]:close()
    end
    equal('here', http.get(url .. '/').body)
]]

local EVENTS = [[
    local heard, many = 0, %d
    for _ = 1, many do
      task.spawn(function()
        local options = { stream = true, fresh = true }
        local answer = assert(http.get(url .. '/events', options))
        equal('text/event-stream', answer.headers['content-type'])
        local text = ''
        for i = 1, 3 do
          while not text:find('data: ' .. i, 1, true) do
            text = text .. assert(answer:read())
          end
        end
        heard = heard + 1
        answer:close()
      end)
    end
    local function listeners()
      return tonumber(http.get(url .. '/listeners').body)
    end
    while listeners() < many do time.sleep(0.02) end
    for i = 1, 3 do assert(http.post(url .. '/publish', tostring(i))) end
    while heard < many do time.sleep(0.02) end
    while listeners() > 0 do time.sleep(0.02) end
]]

local TLS = [[
    local function get(address, options)
      local answer, why = http.get(address .. '/', options)
      return answer and answer.body or tostring(why)
    end
    equal('here', get(url, { ca = 'ca.pem' }))
    equal('here', get(url:gsub('127.0.0.1', 'localhost'), { ca = 'ca.pem' }))
    equal('here', get(url, { insecure = true }))
    equal('tls: certificate: unable to get local issuer certificate', get(url))
    for i = 1, 3 do
      local size = #http.get(url .. '/big', { ca = 'ca.pem' }).body
      equal(16 * 2 ^ 20, size)
    end
    equal(('x'):rep(500000), http.post(url .. '/echo', ('x'):rep(500000),
      { ca = 'ca.pem' }).body)
    local _, why = http.get(url:gsub('https', 'http') .. '/', { timeout = 2 })
    assert(why)
    local function serve(name)
      return assert(http.listen {
        port = 0, tls = { cert = name .. '.pem', key = name .. '.key' },
        handler = function(_, response) response:send 'no' end,
      })
    end
    local expired, other = serve 'expired', serve 'other'
    equal('tls: certificate: certificate has expired',
      get(expired.url, { ca = 'ca.pem' }))
    equal('tls: certificate: IP address mismatch', get(other.url, { ca = 'ca.pem' }))
    equal('tls: certificate: hostname mismatch',
      get(other.url:gsub('127.0.0.1', 'localhost'), { ca = 'ca.pem' }))
    local none, reason = http.listen {
      port = 0, tls = { cert = 'nowhere.pem', key = 'expired.key' },
      handler = function() end,
    }
    equal(nil, none)
    equal('tls', reason.code)
    expired:close(0)
    other:close(0)
]]

local AUTHORITY = [[
set -e
cd '%s'
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $1.key; }
sign() {
  key $1
  openssl req -new -key $1.key -subj /CN=$1 -out $1.csr
  echo "subjectAltName=$2" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.pem \
    -days $3 -extfile $1.ext
}
key ca
openssl req -x509 -new -key ca.key -subj /CN=authority -days 2 -out ca.pem
sign good DNS:localhost,IP:127.0.0.1 2
sign other DNS:elsewhere.example,IP:127.0.0.9 2
sign expired DNS:localhost,IP:127.0.0.1 -1
]]

-- Keys and certificates, made anew.
local function authority()
  local dir, files = posix.scratch(), {}
  local script = AUTHORITY:format(dir)
  assert(0 == os.execute(('(%s) >/dev/null 2>&1'):format(script)))
  for _, name in ipairs { 'ca', 'good', 'other', 'expired' } do
    for _, kind in ipairs { '.pem', '.key' } do
      files[name .. kind] = posix.slurp(dir .. '/' .. name .. kind)
    end
  end
  os.execute(("rm -rf '%s'"):format(dir))
  return files
end

-- A client that has asked for something slow; it says when it waits and what came.
local WAITS = [[
    local answers = 0
    for i = 1, 3 do
      task.spawn(function()
        local answer, why = http.get(url .. '/slow?s=%s', { fresh = true })
        print('came ' .. (answer and answer.body or tostring(why)))
        answers = answers + 1
      end)
    end
    local idle = connect()
    local events = http.get(url .. '/events', { stream = true })
    time.sleep(0.2)
    print 'asked'
    print('idle ' .. tostring(select(2, idle:read(nil, 10))))
    local _, ended = events:read()
    print('events ' .. tostring(ended))
    while answers < 3 do time.sleep(0.01) end
]]

local function free_port()
  local uv = require 'luv'
  local socket = uv.new_tcp()
  socket:bind('127.0.0.1', 0)
  local port = socket:getsockname().port
  socket:close()
  uv.run()
  return port
end

local function outputs(host)
  local counts = {}
  for _, entry in ipairs(host:all { kind = 'output' }) do
    counts[entry.text] = (counts[entry.text] or 0) + 1
  end
  return counts
end

local function order(host, word)
  local socket = host.dir .. '/run/runsmith/web.sock'
  return (harness.run { command = { word, 'web/server', '--socket', socket } })
end

-- Has the server stopped by an operator while it is asked.
local function stop_while_asked(backend, seconds)
  local host = web.start(backend, WAITS:format(seconds))
  host:wait_for { kind = 'output', text = 'asked' }
  assert.equal(0, order(host, 'stop'))
  web.passes(host)
  return host
end

describe('std.http', function()
  after_each(harness.sweep)

  it('serves thousands at once beside others', function()
    local host = web.start('coroutine', CROWD:format(MANY))
    host:wait_for { kind = 'ready', unit = 'web/server' }
    local pid = host:pid_of 'web/server'
    local before = web.descriptors(pid)
    web.passes(host, 60)
    web.in_peace(host)
    assert.is_true(web.descriptors(pid) <= before + 2, host:tail())
    host:finish()
  end)

  it('hands events to hundreds', function()
    web.check('coroutine', EVENTS:format(LISTENERS), { patience = 60 })
  end)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    it('speaks TLS: ' .. backend, function()
      web.check(backend, TLS, {
        files = authority(), tls = "{ cert = 'good.pem', key = 'good.key' }",
      })
    end)

    it('lets what was asked be answered when it stops: ' .. backend, function()
      local host = stop_while_asked(backend, '0.6')
      local said = outputs(host)
      assert.same({ 3, 1, 1, 1 },
        { said['came slept'], said['idle closed'], said['events nil'], said['cut 0'] })
      host:finish()
    end)
  end

  it('is probed over TLS', function()
    local port = free_port()
    local probe = "rs.probe.http { url = 'https://127.0.0.1:%d/', every = 0.1, %s }"
    local probes = { probe:format(port, "ca = 'ca.pem', contains = 'here'") }
    probes[2] = probe:format(port, "action = 'warn', failures = 1")
    probes[3] = probe:format(port, "action = 'warn', insecure = true, status = 404")
    local host = web.start('coroutine', '', {
      files = authority(), tls = "{ cert = 'good.pem', key = 'good.key' }", port = port,
      fields = ('probes = { %s }'):format(table.concat(probes, ', ')),
    })
    local function told(text)
      host:wait_for {
        kind = 'probe', detail = function(said) return said and said:find(text) end,
      }
    end
    told 'certificate: unable to get local issuer'
    told 'status 200, not 404'
    told '^status 200$'
    host:finish()
  end)

  it('cuts what takes longer than the grace', function()
    local host = stop_while_asked('coroutine', '8')
    local said = outputs(host)
    assert.same({ 3, 1 }, { said['came closed'], said['cut 3'] })
    host:finish()
  end)

  it('leaves nothing when it is killed', function()
    local host = web.start('coroutine', WAITS:format '30')
    host:wait_for { kind = 'output', text = 'asked' }
    local pid = host:pid_of 'web/other'
    local before = web.descriptors(pid)
    assert.equal(0, order(host, 'kill'))
    web.passes(host)
    host:wait_for { kind = 'ready', unit = 'web/server', incarnation = 1 }
    assert.is_true(web.descriptors(pid) < before, host:tail())
    host:finish()
  end)

  it('runs the examples of its own documentation', function()
    local examples = ([[
      local count = 0
      for _, name in ipairs {
        'std.http', 'std.http.client', 'std.http.events', 'std.http.files', 'std.net',
        'std.net.udp', 'std.task',
      } do
        local lines
        for line in io.lines('@STDLIB@/' .. name:gsub('%.', '/') .. '.lua') do
          if line == '--- ```lua' then
            lines = {}
          elseif line == '--- ```' then
            count = count + 1
            assert(loadstring(table.concat(lines, '\n'), '=' .. name))()
            lines = nil
          elseif lines then
            lines[#lines + 1] = line:match '^%-%-%- ?(.*)$'
          end
        end
      end
      assert(count >= 8, count)
    ]]):gsub('@STDLIB@', harness.root() .. '/stdlib')
    local host = web.start('coroutine', examples)
    web.passes(host)
    host:finish()
  end)
end)
