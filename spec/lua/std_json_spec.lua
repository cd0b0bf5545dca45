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
end)
