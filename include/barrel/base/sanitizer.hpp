#pragma once

/// 1 when AddressSanitizer or ThreadSanitizer watches the program, else 0. GCC and Clang say it in different
/// ways.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BARREL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BARREL_SANITIZED 1
#endif
#endif
#ifndef BARREL_SANITIZED
#define BARREL_SANITIZED 0
#endif
