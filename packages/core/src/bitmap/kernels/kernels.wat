;; The kernels of kernels.ts in SIMD128, over chunks of bits of 4 KiB, lowest bit first. Chunks are
;; copied into a window that stays in the processor's first cache:
;;       0   the chunk that is worked on
;;    4096   the scratch chunk
;;    8192   edges, 16 bits each, up to 32768 of them
;;   73728   steps of folding and spreading
;; tools/kernels/assemble.ts makes wasm.ts of this file.
(module
  (memory (export "memory") 2 2)

  ;; Adds up 16-bit lanes.
  (func $total (param $sums v128) (result i32)
    (local $wide v128)
    (local.set $wide (i32x4.extadd_pairwise_i16x8_u (local.get $sums)))
    (i32.add
      (i32.add
        (i32x4.extract_lane 0 (local.get $wide))
        (i32x4.extract_lane 1 (local.get $wide)))
      (i32.add
        (i32x4.extract_lane 2 (local.get $wide))
        (i32x4.extract_lane 3 (local.get $wide)))))

  ;; Set bits of 64 bytes in 16-bit lanes: at most 64 a lane, 4096 in a chunk.
  (func $counts (param $a v128) (param $b v128) (param $c v128) (param $d v128) (result v128)
    (i16x8.extadd_pairwise_i8x16_u
      (i8x16.add
        (i8x16.add (i8x16.popcnt (local.get $a)) (i8x16.popcnt (local.get $b)))
        (i8x16.add (i8x16.popcnt (local.get $c)) (i8x16.popcnt (local.get $d))))))

  ;; Set bits of the chunk at an address.
  (func (export "count") (param $at i32) (result i32)
    (local $end i32)
    (local $sums v128)
    (local.set $end (i32.add (local.get $at) (i32.const 4096)))
    (loop $next
      (local.set $sums
        (i16x8.add
          (local.get $sums)
          (call $counts
            (v128.load (local.get $at))
            (v128.load offset=16 (local.get $at))
            (v128.load offset=32 (local.get $at))
            (v128.load offset=48 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (call $total (local.get $sums)))

  ;; Puts the scratch chunk into the first one by OR; set bits of that.
  (func (export "or") (result i32)
    (local $at i32)
    (local $sums v128)
    (local $a v128)
    (local $b v128)
    (local $c v128)
    (local $d v128)
    (loop $next
      (local.set $a
        (v128.or (v128.load (local.get $at)) (v128.load offset=4096 (local.get $at))))
      (local.set $b
        (v128.or (v128.load offset=16 (local.get $at)) (v128.load offset=4112 (local.get $at))))
      (local.set $c
        (v128.or (v128.load offset=32 (local.get $at)) (v128.load offset=4128 (local.get $at))))
      (local.set $d
        (v128.or (v128.load offset=48 (local.get $at)) (v128.load offset=4144 (local.get $at))))
      (v128.store (local.get $at) (local.get $a))
      (v128.store offset=16 (local.get $at) (local.get $b))
      (v128.store offset=32 (local.get $at) (local.get $c))
      (v128.store offset=48 (local.get $at) (local.get $d))
      (local.set $sums
        (i16x8.add
          (local.get $sums)
          (call $counts (local.get $a) (local.get $b) (local.get $c) (local.get $d))))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 4096))))
    (call $total (local.get $sums)))

  ;; One bit for two, set when one of them is: the lower byte of each 16-bit lane has the answer.
  (func $fold2 (param $v v128) (result v128)
    (local.set $v (v128.or (local.get $v) (i16x8.shr_u (local.get $v) (i32.const 1))))
    (local.set $v (v128.and (local.get $v) (v128.const i16x8
      0x5555 0x5555 0x5555 0x5555 0x5555 0x5555 0x5555 0x5555)))
    (local.set $v (v128.or (local.get $v) (i16x8.shr_u (local.get $v) (i32.const 1))))
    (local.set $v (v128.and (local.get $v) (v128.const i16x8
      0x3333 0x3333 0x3333 0x3333 0x3333 0x3333 0x3333 0x3333)))
    (local.set $v (v128.or (local.get $v) (i16x8.shr_u (local.get $v) (i32.const 2))))
    (local.set $v (v128.and (local.get $v) (v128.const i16x8
      0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f)))
    (local.set $v (v128.or (local.get $v) (i16x8.shr_u (local.get $v) (i32.const 4))))
    (v128.and (local.get $v) (v128.const i16x8
      0xff 0xff 0xff 0xff 0xff 0xff 0xff 0xff)))

  ;; Half as many bits, of `length` bytes, a multiple of 32.
  (func (export "halve") (param $from i32) (param $into i32) (param $length i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (loop $next
      (v128.store
        (local.get $into)
        (i8x16.narrow_i16x8_u
          (call $fold2 (v128.load (local.get $from)))
          (call $fold2 (v128.load offset=16 (local.get $from)))))
      (local.set $from (i32.add (local.get $from) (i32.const 32)))
      (local.set $into (i32.add (local.get $into) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $from) (local.get $end)))))

  ;; A bit for each byte, set when one of its bits is; of `length` bytes, a multiple of 16.
  (func (export "bytes") (param $from i32) (param $into i32) (param $length i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (loop $next
      (i32.store16
        (local.get $into)
        (i8x16.bitmask
          (i8x16.ne (v128.load (local.get $from)) (v128.const i64x2 0 0))))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (local.set $into (i32.add (local.get $into) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $from) (local.get $end)))))

  ;; Two bits for one, of bytes that are zero-extended to 16-bit lanes.
  (func $spread2 (param $v v128) (result v128)
    (local.set $v (v128.or (local.get $v) (i16x8.shl (local.get $v) (i32.const 4))))
    (local.set $v (v128.and (local.get $v) (v128.const i16x8
      0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f 0x0f0f)))
    (local.set $v (v128.or (local.get $v) (i16x8.shl (local.get $v) (i32.const 2))))
    (local.set $v (v128.and (local.get $v) (v128.const i16x8
      0x3333 0x3333 0x3333 0x3333 0x3333 0x3333 0x3333 0x3333)))
    (local.set $v (v128.or (local.get $v) (i16x8.shl (local.get $v) (i32.const 1))))
    (local.set $v (v128.and (local.get $v) (v128.const i16x8
      0x5555 0x5555 0x5555 0x5555 0x5555 0x5555 0x5555 0x5555)))
    (v128.or (local.get $v) (i16x8.shl (local.get $v) (i32.const 1))))

  ;; Twice as many bits, of `length` bytes, a multiple of 16.
  (func (export "double") (param $from i32) (param $into i32) (param $length i32)
    (local $end i32)
    (local $v v128)
    (local.set $end (i32.add (local.get $from) (local.get $length)))
    (loop $next
      (local.set $v (v128.load (local.get $from)))
      (v128.store
        (local.get $into)
        (call $spread2 (i16x8.extend_low_i8x16_u (local.get $v))))
      (v128.store offset=16
        (local.get $into)
        (call $spread2 (i16x8.extend_high_i8x16_u (local.get $v))))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (local.set $into (i32.add (local.get $into) (i32.const 32)))
      (br_if $next (i32.lt_u (local.get $from) (local.get $end)))))

  ;; Where bits [from, to) of the first chunk change their value, which is `value` (0 or 1) before
  ;; them; how many such places there are.
  (func (export "edges") (param $from i32) (param $to i32) (param $value i32) (result i32)
    (local $index i32)
    (local $words i32)
    (local $out i32)
    (local $word i64)
    (local $carry i64)
    (local $below i64)
    (local $same v128)
    (local.set $out (i32.const 8192))
    (local.set $carry (i64.extend_i32_u (local.get $value)))
    (local.set $index (i32.shr_u (local.get $from) (i32.const 6)))
    (local.set $words (i32.shr_u (i32.add (local.get $to) (i32.const 63)) (i32.const 6)))
    ;; Bits before `from` are taken for `value`.
    (local.set $below
      (i64.sub
        (i64.shl (i64.const 1) (i64.extend_i32_u (i32.and (local.get $from) (i32.const 63))))
        (i64.const 1)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $index) (local.get $words)))
        ;; 64 bytes of nothing else than what came before: on to the next ones.
        (if
          (i32.and
            (i32.eqz (i32.and (local.get $index) (i32.const 7)))
            (i32.and
              (i32.le_u (i32.add (local.get $index) (i32.const 8)) (local.get $words))
              (i64.eqz (local.get $below))))
          (then
            (local.set $same (i64x2.splat (i64.sub (i64.const 0) (local.get $carry))))
            (if
              (i32.eqz
                (v128.any_true
                  (v128.or
                    (v128.or
                      (v128.xor
                        (v128.load (i32.shl (local.get $index) (i32.const 3)))
                        (local.get $same))
                      (v128.xor
                        (v128.load offset=16 (i32.shl (local.get $index) (i32.const 3)))
                        (local.get $same)))
                    (v128.or
                      (v128.xor
                        (v128.load offset=32 (i32.shl (local.get $index) (i32.const 3)))
                        (local.get $same))
                      (v128.xor
                        (v128.load offset=48 (i32.shl (local.get $index) (i32.const 3)))
                        (local.get $same))))))
              (then
                (local.set $index (i32.add (local.get $index) (i32.const 8)))
                (br $next)))))
        (local.set $word (i64.load (i32.shl (local.get $index) (i32.const 3))))
        (local.set $word
          (i64.or
            (i64.and (local.get $word) (i64.xor (local.get $below) (i64.const -1)))
            (i64.and (local.get $below) (i64.sub (i64.const 0) (local.get $carry)))))
        (local.set $below (i64.const 0))
        ;; A bit that differs from the one before it is an edge.
        (local.get $word)
        (local.set $word
          (i64.xor
            (local.get $word)
            (i64.or (i64.shl (local.get $word) (i64.const 1)) (local.get $carry))))
        (local.set $carry (i64.shr_u (i64.const 63)))
        (block $empty
          (br_if $empty (i64.eqz (local.get $word)))
          (loop $edge
            (i32.store16
              (local.get $out)
              (i32.or
                (i32.shl (local.get $index) (i32.const 6))
                (i32.wrap_i64 (i64.ctz (local.get $word)))))
            (local.set $out (i32.add (local.get $out) (i32.const 2)))
            (local.set $word
              (i64.and (local.get $word) (i64.sub (local.get $word) (i64.const 1))))
            (br_if $edge (i64.ne (local.get $word) (i64.const 0)))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next)))
    ;; The last word may have edges behind `to`.
    (block $kept
      (loop $last
        (br_if $kept (i32.eq (local.get $out) (i32.const 8192)))
        (br_if $kept
          (i32.lt_u
            (i32.load16_u (i32.sub (local.get $out) (i32.const 2)))
            (local.get $to)))
        (local.set $out (i32.sub (local.get $out) (i32.const 2)))
        (br $last)))
    (i32.shr_u (i32.sub (local.get $out) (i32.const 8192)) (i32.const 1)))
)
