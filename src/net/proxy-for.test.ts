import { expect, test } from 'vitest'
import { proxyFor } from './proxy-for.ts'

const H = 'http://h.example.org:1'
const S = 'http://s.example.org:2'

test.each<[string, Record<string, string>, string | undefined]>([
  ['http://a.example.org/', {}, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, HTTPS_PROXY: S }, H],
  ['https://a.example.org/', { HTTP_PROXY: H, HTTPS_PROXY: S }, S],
  ['https://a.example.org/', { HTTP_PROXY: H }, undefined],
  ['http://a.example.org/', { https_proxy: S }, S],
  ['http://a.example.org/', { http_proxy: H, HTTP_PROXY: S }, H],
  ['http://a.example.org/', { http_proxy: '', HTTP_PROXY: 'h.example.org:1' }, H],
  ['http://a.example.org/', { HTTP_PROXY: H, NO_PROXY: '*' }, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, NO_PROXY: 'b.example.org, A.example.org' }, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, no_proxy: '.example.org' }, undefined],
  ['http://a.example.org/', { HTTP_PROXY: H, no_proxy: 'example.org' }, undefined],
  ['http://aexample.org/', { HTTP_PROXY: H, no_proxy: 'example.org' }, H],
  ['http://a.example.org/', { HTTP_PROXY: H, NO_PROXY: 'a.example.org:80' }, undefined],
  ['http://a.example.org:8080/', { HTTP_PROXY: H, NO_PROXY: 'a.example.org:80' }, H],
  ['http://[::1]:8080/', { HTTP_PROXY: H, NO_PROXY: '[::1]' }, undefined],
])('proxyFor(%s) in %j is %j', (url, env, expected) => {
  expect(proxyFor(new URL(url), env)).toBe(expected)
})
