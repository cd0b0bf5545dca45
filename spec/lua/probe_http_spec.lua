-- What the http probe makes of URLs and answers, however the bytes come.

local assert = require 'luassert'
local fake = require 'lua.fake_host'

describe('the http probe', function()
  local http

  before_each(function()
    fake.new()
    http = require 'runsmith.probe.http'
  end)

  it('takes a URL apart, and says what it cannot use', function()
    for url, wanted in pairs {
      ['http://a.b'] = { 'a.b', 80, '/' },
      ['http://a.b:81/c?d=e#f'] = { 'a.b', 81, '/c?d=e' },
      ['HTTP://[::1]:82?x'] = { '::1', 82, '/?x' },
    } do
      local parts = http.parse(url)
      assert.same(wanted, { parts.host, parts.port, parts.target })
    end
    for url, why in pairs {
      ['ftp://a'] = 'ftp: only http and https are spoken', ['a/b'] = 'a/b is no URL',
      ['http://a:b'] = 'a:b is no host and port',
    } do
      assert.same({ nil, why }, { http.parse(url) })
    end
  end)

  it('reads an answer that comes byte by byte', function()
    local text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n'
      .. 'Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nwell\r\n5\r\n done\r\n0\r\n\r\n'
    local known
    for length = 1, #text do
      local answer, why = http.answer(text:sub(1, length))
      assert.is_nil(why)
      if answer then known = known or length end
    end
    assert.equal('chunked\r\n\r\n', text:sub(known - 10, known))
    local answer = http.answer(text)
    assert.same({ status = 200, body = 'well done', whole = true }, answer)
  end)

  it('knows a body by its length, or by the end', function()
    local head = 'HTTP/1.0 503 No\r\n'
    assert.same({ status = 503, body = 'abc', whole = true },
      http.answer(head .. 'content-length: 3\r\n\r\nabcd'))
    assert.same({ status = 503, body = 'ab', whole = false },
      http.answer(head .. 'Content-Length: 3\r\n\r\nab'))
    assert.same({ status = 503, body = 'ab', whole = false },
      http.answer(head .. '\r\nab'))
  end)

  it('knows what will never be an answer', function()
    for _, text in ipairs { 'SSH-2.0', 'HTTP/2', '\0\1', 'HTTP/1.x' } do
      local answer, why = http.answer(text)
      assert.same({ nil, 'what it says is not HTTP' }, { answer, why })
    end
    assert.is_nil(select(2, http.answer 'HTTP/1.'))
  end)
end)
