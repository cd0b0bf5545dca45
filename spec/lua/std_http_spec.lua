-- The parts of std.http that need no socket.

local assert = require 'luassert'
local fake = require 'lua.fake_host'

describe('std.http', function()
  local url, route, events, files

  before_each(function()
    fake.new()
    package.loaded['runsmith.http'], package.loaded['runsmith.tls'] = {}, {}
    url, route = require 'std.http.url', require 'std.http.route'
    events, files = require 'std.http.events', require 'std.http.files'
  end)

  it('takes URLs apart', function()
    for text, wanted in pairs {
      ['http://a.b'] = 'http a.b 80 a.b /',
      ['HTTPS://a:81/c?d#e'] = 'https a 81 a:81 /c?d',
      ['http://[::1]:82?x'] = 'http ::1 82 [::1]:82 /?x',
    } do
      local u = assert(url.parse(text))
      local got = table.concat({ u.scheme, u.host, u.port, u.authority, u.target }, ' ')
      assert.equal(wanted, got)
    end
    for _, text in ipairs {
      'ftp://a', 'a/b', 'http://a:b', 'http://u@a', 'http://a/ b', 'http://a/\r\nx: y',
    } do
      assert.is_nil((url.parse(text)))
    end
  end)

  it('finds where a redirect leads', function()
    local base = url.parse 'http://a:1/b/c?d'
    for location, wanted in pairs {
      ['https://x/'] = 'https://x/', ['//x/y'] = 'http://x/y', ['/y'] = 'http://a:1/y',
      ['y'] = 'http://a:1/b/y', ['?z'] = 'http://a:1/b/c?z',
    } do
      assert.equal(wanted, url.resolve(base, location))
    end
  end)

  it('decodes and encodes', function()
    assert.same({ a = 'b c', d = '', ['ä'] = '&' }, url.query 'a=b+c&d&%C3%A4=%26&=x')
    assert.is_nil(url.decode '%4')
    assert.equal('a%2Fb%20%C3%A4', url.encode 'a/b ä')
  end)

  it('routes: the more exact first', function()
    local function named(name) return function() return name end end
    local router = route.new {
      ['GET /a'] = named 'a', ['POST /a'] = named 'post a', ['GET /a/:x'] = named 'a x',
      ['GET /a/b'] = named 'a b', ['GET /a/*'] = named 'a rest',
      ['GET /:any/c'] = named 'any c', ['DELETE /a/:y'] = named 'delete',
    }
    for path, wanted in pairs {
      ['GET /a'] = 'a', ['HEAD /a'] = 'a', ['POST /a'] = 'post a', ['GET /a/b'] = 'a b',
      ['GET /a/z'] = 'a x', ['GET /a/c'] = 'a x', ['GET /b/c'] = 'any c',
      ['GET /a/y/z'] = 'a rest', ['DELETE /a/1'] = 'delete',
    } do
      local method, rest = path:match '^(%u+) (.*)$'
      assert.equal(wanted, router:find(method, rest)())
    end
    assert.same({ x = 'z y' }, (select(2, router:find('GET', '/a/z%20y'))))
    assert.same({ ['*'] = 'y/z%20' }, (select(2, router:find('GET', '/a/y/z%20'))))
    assert.same({ nil, {} }, { router:find('GET', '/nothing') })
    assert.same({ nil, { 'GET', 'POST' } }, { router:find('PUT', '/a') })
    assert.has_error(function() route.new { ['get /a'] = print } end)
    assert.has_error(function() route.new { ['GET /*/a'] = print } end)
  end)

  it('writes events, and nothing into them', function()
    assert.equal('retry: 1500\nevent: e\nid: 7\ndata: a\ndata: b\ndata: c\n\n',
      events.encode { event = 'e', id = 7, data = 'a\nb\r\nc', retry = 1.5 })
    assert.equal('data: \n\n', events.encode { data = '' })
    assert.has_error(function() events.encode { event = 'a\ndata: b' } end)
  end)

  it('names no file outside its folder', function()
    for path, wanted in pairs {
      [''] = 'i', ['a'] = 'a', ['a/'] = 'a/i', ['a/b%20c'] = 'a/b c',
    } do
      assert.equal(wanted, files.name(path, 'i'))
    end
    for _, path in ipairs {
      '..', '../a', 'a/../b', '%2e%2e/a', '..%2fa', '/a', 'a//b', '.a', 'a/.b', 'a%00',
      'a%', '..\\a', './a', '%2fetc/passwd',
    } do
      assert.is_nil(files.name(path, 'i'), path)
    end
  end)
end)
