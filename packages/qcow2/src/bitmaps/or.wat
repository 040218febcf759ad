;; Bits by OR, in SIMD128, in memory that callers read files into. tools/kernels/assemble.ts makes
;; or.generated.ts of this file.
(module
  (memory (import "env" "memory") 1)

  ;; Puts `length` bytes at `source` into those at `target`: a multiple of 64 that is not 0.
  (func (export "or") (param $target i32) (param $source i32) (param $length i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $target) (local.get $length)))
    (loop $next
      (v128.store (local.get $target)
        (v128.or (v128.load (local.get $target)) (v128.load (local.get $source))))
      (v128.store offset=16 (local.get $target)
        (v128.or (v128.load offset=16 (local.get $target)) (v128.load offset=16 (local.get $source))))
      (v128.store offset=32 (local.get $target)
        (v128.or (v128.load offset=32 (local.get $target)) (v128.load offset=32 (local.get $source))))
      (v128.store offset=48 (local.get $target)
        (v128.or (v128.load offset=48 (local.get $target)) (v128.load offset=48 (local.get $source))))
      (local.set $target (i32.add (local.get $target) (i32.const 64)))
      (local.set $source (i32.add (local.get $source) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $target) (local.get $end))))))
