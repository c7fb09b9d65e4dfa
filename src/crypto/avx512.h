#pragma once
/// \file
/// AVX-512 for single functions. A whole file is never compiled for it: what headers bring along would then be, too,
/// and the linker might choose that for everybody. For sources on x86_64 only; whoever calls asks the processor first.

// GCC 12 takes the intrinsics' own undefined values for a mistake (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop

/// In front of a function, and of one that is to vanish in those that call it: the features that it may use.
#define PTPROXY_FOR(features) [[gnu::target(features)]]
#define PTPROXY_INLINE_FOR(features) [[gnu::target(features), gnu::always_inline]] inline
