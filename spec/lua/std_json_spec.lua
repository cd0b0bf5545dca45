local json = require 'std.json'

describe('std.json', function()
  it('takes plain data there and back', function()
    local value = { list = { 1, 2.5, 'x' }, deep = { { { yes = true } } } }
    value.text = 'é"\n'
    assert.same(value, json.decode(assert(json.encode(value))))
    assert.equal('null', json.encode(json.null))
    assert.equal(json.null, json.decode 'null')
    assert.equal(false, json.decode 'false')
  end)

  it('says what it cannot read', function()
    for _, text in ipairs { '', '{', '[1,]', 'nan', '{"a":1} x', ('['):rep(200) } do
      local value, why = json.decode(text)
      assert.is_nil(value)
      assert.equal('json', why.code)
    end
    local _, why = json.decode(('['):rep(129) .. (']'):rep(129))
    assert.matches('nested', why.message)
    assert.is_truthy(json.decode(('['):rep(128) .. (']'):rep(128)))
  end)

  it('says what it cannot write', function()
    local cycle = {}
    cycle.itself = cycle
    for _, value in ipairs { cycle, { print }, { 0 / 0 }, { [1] = 1, [1e6] = 2 } } do
      local text, why = json.encode(value)
      assert.is_nil(text)
      assert.equal('json', why.code)
    end
  end)

  it('does not change the cjson that others use', function()
    local deep = ('['):rep(500) .. (']'):rep(500)
    assert.is_table(require('cjson').decode(deep))
  end)

  it('takes nothing but a string to read', function()
    assert.has_error(function() json.decode(7) end)
  end)

  it('writes whole numbers exactly, and empty lists as lists', function()
    local big = { id = 2 ^ 53 - 1, list = { 1770000000123456, 0.1 } }
    local text = assert(json.encode(big))
    assert.same(big, json.decode(text))
    assert.truthy(text:find('9007199254740991', 1, true))
    assert.equal('[]', json.encode(json.array {}))
    assert.equal('{"a":[[]]}', json.encode { a = { json.array {} } })
    local mixed = { 2 ^ 53 - 1, { x = true } }
    assert.equal('[9007199254740991,{"x":true}]', json.encode(mixed))
    assert.is_nil((json.encode { 2 ^ 53 - 1, print }))
  end)
end)
