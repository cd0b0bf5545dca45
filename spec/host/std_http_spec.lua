-- std.http with real sockets, both sides, in each backend.

local harness = require 'host.support.harness'
local web = require 'host.support.web'

local PLAIN = [[
    local answer = assert(http.get(url .. '/'))
    equal(200, answer.status)
    equal('here', answer.body)
    answer = assert(http.get(url .. '/hello/J%C3%BCrgen?a=1&b=x+y%21'))
    local value = assert(json.decode(answer.body))
    equal('Jürgen 1 x y!',
      ('%s %s %s'):format(value.name, value.query.a, value.query.b))
    equal(404, http.get(url .. '/nothing').status)
    answer = http.post(url .. '/hello/x', '')
    equal(405, answer.status)
    equal('GET', answer.headers.allow)
    answer = http.request { method = 'HEAD', url = url .. '/' }
    equal('4', answer.headers['content-length'])
    equal('', answer.body)
    equal('hello', http.post(url .. '/echo', 'hello').body)
    equal(500, http.get(url .. '/raise').status)
    equal(500, http.get(url .. '/silent').status)
    for _, what in ipairs { 'body', 'part', 'status', 'header' } do
      equal(500, assert(http.get(url .. '/wrong/' .. what)).status)
    end
    answer = http.get(url .. '/late')
    equal(nil, answer)
    equal('you', json.decode(http.get(url .. '/move').body).name)
    local _, why = http.get(url .. '/round')
    equal('redirects', why.code)
    equal(303, http.get(url .. '/round', { redirects = 0 }).status)
]]

local STREAMS = [[
    local part, count = ('x'):rep(100000), 0
    local answer = assert(http.request {
      method = 'POST', url = url .. '/stream', stream = true,
      body = function()
        count = count + 1
        return count <= 20 and part or nil
      end,
    })
    local size = 0
    for bytes in function() return answer:read() end do size = size + #bytes end
    equal(2000000, size)
    equal(16 * 2 ^ 20, #assert(http.get(url .. '/big')).body)
    -- A client that takes its time: nothing is lost, nothing piles up.
    answer = assert(http.get(url .. '/big', { stream = true }))
    size = 0
    for bytes in function() return answer:read() end do
      if size % 2 ^ 20 < #bytes then time.sleep(0.01) end
      size = size + #bytes
    end
    equal(16 * 2 ^ 20, size)
    equal('no matter', http.post(url .. '/ignored', ('y'):rep(1000000)).body)
    local none = http.post(url .. '/stream', ('y'):rep(5000000))
    equal('413', none and tostring(none.status) or '413') -- if it can still hear it
    count = -40
    none = http.request {
      method = 'POST', url = url .. '/stream',
      body = function()
        count = count + 1
        return count <= 20 and part or nil
      end,
    }
    equal(nil, none) -- too much, when it had begun to answer: cut off
    equal('here', http.get(url .. '/').body)
]]

local FILES = [[
    local answer = http.get(url .. '/static/')
    equal('<h1>here</h1>', answer.body)
    equal('text/html; charset=utf-8', answer.headers['content-type'])
    local again = http.get(url .. '/static/index.html',
      { headers = { ['if-none-match'] = answer.headers.etag } })
    equal(304, again.status)
    equal('deep', http.get(url .. '/static/deep/a%20b.txt').body)
    equal(1000000, #http.get(url .. '/static/big.bin').body)
    for _, path in ipairs {
      '../secret.txt', '%2e%2e/secret.txt', 'deep/../../secret.txt', '..%2fsecret.txt',
      '.hidden', 'deep//a%20b.txt', '/etc/passwd', 'index.html%00', 'deep', 'x%zz',
    } do
      local status = raw('GET /static/' .. path
        .. ' HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'):match '^HTTP/1.1 (%d+)'
      equal('404 ' .. path, status .. ' ' .. path)
    end
]]

local REFUSED = [[
    local function status(bytes) return raw(bytes):match '^HTTP/1.1 (%d+)' end
    local head = ' HTTP/1.1\r\nhost: x\r\n'
    equal('414', status('GET /' .. ('a'):rep(9000) .. head .. '\r\n'))
    equal('431', status('GET /' .. head .. 'a: ' .. ('a'):rep(20000) .. '\r\n\r\n'))
    equal('431', status('GET /' .. head .. ('a: b\r\n'):rep(101) .. '\r\n'))
    equal('413', status('POST /echo' .. head .. 'content-length: 3000000\r\n\r\n'))
    equal('413', status('POST /echo' .. head .. 'transfer-encoding: chunked\r\n\r\n'
      .. ('10000\r\n' .. ('z'):rep(65536) .. '\r\n'):rep(20) .. '0\r\n\r\n'))
    equal('400', status('POST /echo' .. head
      .. 'content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'))
    equal('400',
      status('POST /echo' .. head .. 'transfer-encoding: chunked\r\n\r\nz\r\n'))
    equal('400', status('GET / HTTP/1.1\r\n\r\n'))
    equal('501', status('CONNECT x:1' .. head .. '\r\n'))
    equal('505', status('GET / HTTP/3.0\r\nhost: x\r\n\r\n'))
    equal('400', status '\22\3\1\0\1')
    -- Pipelined: one answer each, in order, and the last ends it.
    local all = raw(('GET /' .. head .. '\r\n'):rep(50) .. 'GET /' .. head
      .. 'connection: close\r\n\r\n')
    equal(51, select(2, all:gsub('here', '')))
    -- Agreed to before it is sent.
    local stream = connect()
    stream:write('POST /echo' .. head
      .. 'content-length: 2\r\nexpect: 100-continue\r\n\r\n')
    equal('HTTP/1.1 100 Continue', stream:read_line())
    equal('', stream:read_line())
    stream:write 'hi'
    equal('HTTP/1.1 200 OK', stream:read_line())
    stream:close()
]]

local SLOW = [[
    local streams = {}
    for i = 1, 20 do
      streams[i] = connect()
      streams[i]:write 'GET / HT'
    end
    local idle = connect()
    equal('here', http.get(url .. '/').body)
    for i = 1, 20 do
      equal('HTTP/1.1 408 Request Timeout', streams[i]:read_line(nil, 5))
      streams[i]:close()
    end
    local bytes, why = idle:read(nil, 5)
    equal(nil, bytes)
    equal('closed', why)
    local function open() return #fs.list '/proc/self/fd' end
    time.sleep(1)
    local before = open()
    for _ = 1, 3 do equal('here', http.get(url .. '/').body) end
    equal(before + 1, open()) -- kept for the next
    time.sleep(1)
    equal(before, open())
    equal('here', http.get(url .. '/').body)
    -- Neither a client that vanishes nor one that takes nothing holds anything up.
    local deaf = connect()
    deaf:write 'GET /big HTTP/1.1\r\nhost: x\r\n\r\n'
    time.sleep(0.7)
    equal('here', http.get(url .. '/').body)
    deaf:close()
    -- Beyond the limit: told so at once.
    local many = {}
    for i = 1, 30 do many[i] = connect() end
    equal('HTTP/1.1 503 Service Unavailable', many[30]:read_line(nil, 5))
]]

describe('std.http', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    it('answers: ' .. backend, function() web.check(backend, PLAIN) end)
    it('streams both ways: ' .. backend, function()
      web.check(backend, STREAMS, { limits = '{ body = 3000000 }' })
    end)
  end

  it('serves files, and nothing outside', function() web.check('coroutine', FILES) end)
  it('refuses what it must', function() web.check('coroutine', REFUSED) end)

  it('bears clients that are slow, deaf or many', function()
    web.check('coroutine', SLOW, {
      limits = '{ head_time = 0.5, idle = 0.5, write_time = 0.5, connections = 25 }',
    })
  end)

  it('logs what a handler raises, with the traceback', function()
    local host = web.start('coroutine', "equal(500, http.get(url .. '/raise').status)")
    web.passes(host)
    local entry = host:wait_for { kind = 'log', unit = 'web/server' }
    assert.truthy(entry.text:find('GET /raise: [^\n]*out of cheese\nstack traceback'))
    web.in_peace(host)
    host:finish()
  end)

  it('is interrupted in a handler that loops, alone', function()
    local host = web.start('coroutine', [[
      local answer = http.get(url .. '/spin')
      equal(nil, answer)
    ]], { fields = 'stall = 0.5' })
    local violation = host:wait_for { kind = 'violation', unit = 'web/server' }
    assert.truthy(violation.where == nil or violation.where:find 'server.lua')
    web.passes(host)
    host:wait_for { kind = 'ready', unit = 'web/server', incarnation = 1 }
    assert.equal(1, #host:all { kind = 'started', unit = 'web/other' }, host:tail())
    assert.equal(0, #host:all { kind = 'collateral' }, host:tail())
    host:finish()
  end)
end)
