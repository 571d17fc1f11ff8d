// The backbone's forward and backward pass on a CPU: codes in, features averaged over positions out.
//
// Compiled for one layout, so that every channel count is a constant. The macros are CHANNELS, INNER,
// STEM_CHANNELS, STEM_WIDTHS (a list), BLOCKS, DEPTHWISE, SQUEEZE (0 none, 1 expanded, 2 output) and
// SQUEEZED.
//
// An array of X channels is laid out as [tile][position][X][lane]: a tile is LANES sequences side by
// side, so that every operation is whole vectors over sequences, whatever the channel counts, and a
// neighbouring position is a neighbouring address. The lanes of an incomplete tile count for
// nothing: `valid` (1 or 0) keeps them out of statistics and gradients.
//
// Parameters, running statistics and gradients are arrays of pointers in the order in which PyTorch
// lists them (`kernel` in kernel.py), each with the member as its slowest dimension.

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#define LANES 16
#define POSITIONS 4  // positions worked on at once, as many as the registers hold
#else
#define LANES 8
#define POSITIONS 2
#endif

typedef float vf __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4), aligned(LANES * 4)));

namespace {

constexpr int WIDTHS[] = {STEM_WIDTHS};
constexpr int CONVOLUTIONS = sizeof(WIDTHS) / sizeof(int);
constexpr int BASES = 4;
constexpr int NORMS = 1 + 3 * BLOCKS;
constexpr int C = CHANNELS, E = INNER, R = SQUEEZED;
constexpr int SE = SQUEEZE == 1 ? E : C;  // channels that squeeze-and-excitation weighs

constexpr int widest() {
    int most = 0;
    for (int width : WIDTHS) most = width > most ? width : most;
    return most;
}
constexpr int HALO = widest() / 2;

constexpr int divisor(int n) {  // outputs accumulated in registers at once
    for (int d = 6; d > 1; d--)
        if (n % d == 0) return d;
    return 1;
}

// Places of the parameters of a block, after those of the stem.
enum { EXPAND, EXPAND_G, EXPAND_B, DEPTH, DEPTH_G, DEPTH_B, PROJECT, PROJECT_G, PROJECT_B,
       REDUCE_W, REDUCE_B, EXCITE_W, EXCITE_B };
constexpr int PER_BLOCK = SQUEEZE ? 13 : 9;
constexpr int STEM_G = CONVOLUTIONS, STEM_B = CONVOLUTIONS + 1, FIRST = CONVOLUTIONS + 2;

inline vf exp_(vf x) {
    // Cephes: x = n ln 2 + r, a polynomial for e^r, and n into the exponent.
    x = x > 87.f ? x * 0 + 87.f : x;
    x = x < -87.f ? x * 0 - 87.f : x;
    const float magic = 12582912.f;
    vf shifted = x * 1.44269504088896341f + magic;
    vf n = shifted - magic;
    vf r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.f;
    vi exponent = (vi)shifted << 23;
    return (vf)((vi)p + exponent);
}

inline vf sigmoid(vf u) { return 1.f / (1.f + exp_(-u)); }

inline double total(vf v) {
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += v[lane];
    return sum;
}

// What a call works on.
struct Shape {
    long tiles, length, places;  // places = tiles × length
    double count;                // positions of real sequences
};

Shape shape_of(long batch, long length) {
    long tiles = (batch + LANES - 1) / LANES;
    return {tiles, length, tiles * length, (double)batch * length};
}

// ---- products over channels ---------------------------------------------------------------------

template <int I, int O, int Q, bool ADD>
inline void product_at(const float* w, const vf* x, vf* y) {
    constexpr int D = divisor(O);
    for (int o = 0; o < O; o += D) {
        vf sum[Q][D];
        for (int q = 0; q < Q; q++)
            for (int d = 0; d < D; d++) sum[q][d] = ADD ? y[q * O + o + d] : vf{};
#pragma GCC unroll 4
        for (int i = 0; i < I; i++)
            for (int q = 0; q < Q; q++)
                for (int d = 0; d < D; d++) sum[q][d] += w[i * O + o + d] * x[q * I + i];
        for (int q = 0; q < Q; q++)
            for (int d = 0; d < D; d++) y[q * O + o + d] = sum[q][d];
    }
}

// y[p][o] (+)= sum over i of w[i][o] x[p][i]
template <int I, int O, bool ADD = false>
void product(const float* w, const vf* x, vf* y, long places) {
    long p = 0;
    for (; p + POSITIONS <= places; p += POSITIONS)
        product_at<I, O, POSITIONS, ADD>(w, x + p * I, y + p * O);
    for (; p < places; p++) product_at<I, O, 1, ADD>(w, x + p * I, y + p * O);
}

// w[a][b] = sum over places and lanes of x[p][a] y[p][b]
template <int A, int B>
void outer(const vf* x, const vf* y, long places, float* w) {
    constexpr int DA = divisor(A) > 4 ? divisor(A) / (divisor(A) % 2 ? 1 : 2) : divisor(A);
    constexpr int DB = divisor(B);
    constexpr long CHUNK = 16;  // places whose channels stay in the nearest cache
    static thread_local vf sums[A * B];
    std::memset((void*)sums, 0, sizeof sums);
    for (long first = 0; first < places; first += CHUNK) {
        long last = first + CHUNK < places ? first + CHUNK : places;
        for (int a = 0; a < A; a += DA)
            for (int b = 0; b < B; b += DB) {
                vf sum[DA][DB];
                for (int i = 0; i < DA; i++)
                    for (int j = 0; j < DB; j++) sum[i][j] = sums[(a + i) * B + b + j];
                for (long p = first; p < last; p++)
                    for (int i = 0; i < DA; i++)
                        for (int j = 0; j < DB; j++)
                            sum[i][j] += x[p * A + a + i] * y[p * B + b + j];
                for (int i = 0; i < DA; i++)
                    for (int j = 0; j < DB; j++) sums[(a + i) * B + b + j] = sum[i][j];
            }
    }
    for (int i = 0; i < A * B; i++) w[i] = (float)total(sums[i]);
}

template <int A, int B>  // w (A × B) to its transpose
void transposed(const float* w, float* t) {
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++) t[b * A + a] = w[a * B + b];
}

// ---- batch norm and SiLU --------------------------------------------------------------------------

// One norm: statistics, and the affine map u = scale z + shift that they make with the parameters.
template <int X>
struct Norm {
    float mean[X], inverse[X], scale[X], shift[X];
};

template <int X>
void fold(Norm<X>& norm, const float* gain, const float* bias) {
    for (int c = 0; c < X; c++) {
        norm.scale[c] = gain[c] * norm.inverse[c];
        norm.shift[c] = bias[c] - norm.mean[c] * norm.scale[c];
    }
}

template <int X>
void batch_norm(Norm<X>& norm, const vf* z, const vf* valid, const Shape& s, float eps,
                float momentum, float* running_mean, float* running_var) {
    vf sums[X] = {}, squares[X] = {};
    for (long t = 0; t < s.tiles; t++) {
        vf part[X] = {};
        for (long p = t * s.length; p < (t + 1) * s.length; p++)
            for (int c = 0; c < X; c++) part[c] += z[p * X + c];
        for (int c = 0; c < X; c++) sums[c] += part[c] * valid[t];
    }
    for (int c = 0; c < X; c++) norm.mean[c] = (float)(total(sums[c]) / s.count);
    for (long t = 0; t < s.tiles; t++) {
        vf part[X] = {};
        for (long p = t * s.length; p < (t + 1) * s.length; p++)
            for (int c = 0; c < X; c++) {
                vf d = z[p * X + c] - norm.mean[c];
                part[c] += d * d;
            }
        for (int c = 0; c < X; c++) squares[c] += part[c] * valid[t];
    }
    for (int c = 0; c < X; c++) {
        double variance = total(squares[c]) / s.count;
        norm.inverse[c] = (float)(1. / std::sqrt(variance + eps));
        // As PyTorch: normalise by the biased variance, keep the unbiased one.
        double kept = variance * s.count / (s.count - 1);
        running_mean[c] += momentum * (norm.mean[c] - running_mean[c]);
        running_var[c] += momentum * ((float)kept - running_var[c]);
    }
}

template <int X>
void running_norm(Norm<X>& norm, float eps, const float* running_mean, const float* running_var) {
    for (int c = 0; c < X; c++) {
        norm.mean[c] = running_mean[c];
        norm.inverse[c] = 1.f / std::sqrt(running_var[c] + eps);
    }
}

template <int X>
void norm_silu(const Norm<X>& norm, const vf* z, vf* y, long places) {
    for (long p = 0; p < places; p++)
        for (int c = 0; c < X; c++) {
            vf u = z[p * X + c] * norm.scale[c] + norm.shift[c];
            y[p * X + c] = u * sigmoid(u);
        }
}

// Turns d(loss)/d(silu(u)) into d(loss)/du in place; `active`, if given, receives silu(u).
template <int X>
void silu_back(const Norm<X>& norm, const vf* z, vf* dy, vf* active, long places) {
    for (long p = 0; p < places; p++)
        for (int c = 0; c < X; c++) {
            vf u = z[p * X + c] * norm.scale[c] + norm.shift[c];
            vf gate = sigmoid(u);
            if (active) active[p * X + c] = u * gate;
            dy[p * X + c] *= gate * (1.f + u * (1.f - gate));
        }
}

// Turns d(loss)/du into d(loss)/dz in place, and writes the gradients of gain and bias.
template <int X>
void norm_back(const Norm<X>& norm, const vf* z, vf* du, const vf* valid, const Shape& s,
               bool frozen, float* gain_grad, float* bias_grad) {
    vf bias_sum[X] = {}, gain_sum[X] = {};
    for (long p = 0; p < s.places; p++)
        for (int c = 0; c < X; c++) {
            vf d = du[p * X + c];
            bias_sum[c] += d;
            gain_sum[c] += d * (z[p * X + c] - norm.mean[c]);
        }
    float slope[X], constant[X];
    for (int c = 0; c < X; c++) {
        bias_grad[c] = (float)total(bias_sum[c]);
        gain_grad[c] = (float)(total(gain_sum[c]) * norm.inverse[c]);
        // dz = scale (du − mean of du − x̂ · mean of x̂ du), written as a line in z.
        slope[c] = norm.scale[c] * norm.inverse[c] * (float)(gain_grad[c] / s.count);
        constant[c] = norm.scale[c] * (float)(bias_grad[c] / s.count);
    }
    for (long t = 0; t < s.tiles; t++)
        for (long p = t * s.length; p < (t + 1) * s.length; p++)
            for (int c = 0; c < X; c++) {
                vf d = du[p * X + c] * norm.scale[c];
                if (!frozen) d = (d - constant[c] - (z[p * X + c] - norm.mean[c]) * slope[c]) * valid[t];
                du[p * X + c] = d;
            }
}

// ---- stem -----------------------------------------------------------------------------------------

struct Codes {
    const uint8_t* at;
    long by_sequence, by_member, batch, length;
};

// One-hot channels of a tile, HALO zeros on either side; N and what lies outside is zero.
void one_hot(const Codes& codes, long member, long tile, vf* hot) {
    std::memset((void*)hot, 0, sizeof(vf) * BASES * (codes.length + 2 * HALO));
    float* out = (float*)(hot + HALO * BASES);
    for (int lane = 0; lane < LANES && tile * LANES + lane < codes.batch; lane++) {
        const uint8_t* from = codes.at + (tile * LANES + lane) * codes.by_sequence + member * codes.by_member;
        for (long p = 0; p < codes.length; p++)
            if (from[p] < BASES) out[(p * BASES + from[p]) * LANES + lane] = 1.f;
    }
}

template <int Q>
void stem_at(const float* w, int width, const vf* hot, vf* y) {
    vf sum[Q][STEM_CHANNELS] = {};
    for (int i = 0; i < width * BASES; i++)
        for (int q = 0; q < Q; q++)
            for (int o = 0; o < STEM_CHANNELS; o++)
                sum[q][o] += w[i * STEM_CHANNELS + o] * hot[q * BASES + i];
    for (int q = 0; q < Q; q++)
        for (int o = 0; o < STEM_CHANNELS; o++) y[q * C + o] = sum[q][o];
}

// The parallel convolutions of one tile. `w` holds them one after another as [tap][base][channel].
void stem_tile(const float* w, const vf* hot, vf* y, long length) {
    for (int k = 0; k < CONVOLUTIONS; k++) {
        const vf* from = hot + (HALO - WIDTHS[k] / 2) * BASES;
        long p = 0;
        for (; p + POSITIONS <= length; p += POSITIONS)
            stem_at<POSITIONS>(w, WIDTHS[k], from + p * BASES, y + p * C + k * STEM_CHANNELS);
        for (; p < length; p++)
            stem_at<1>(w, WIDTHS[k], from + p * BASES, y + p * C + k * STEM_CHANNELS);
        w += WIDTHS[k] * BASES * STEM_CHANNELS;
    }
}

constexpr int stem_weights() {
    int sum = 0;
    for (int width : WIDTHS) sum += width * BASES * STEM_CHANNELS;
    return sum;
}

// Weights (channel, base, tap) of all convolutions to [tap][base][channel].
void arrange_stem(const float* const* params, long member, float* w) {
    for (int k = 0; k < CONVOLUTIONS; k++) {
        int size = WIDTHS[k] * BASES * STEM_CHANNELS;
        const float* from = params[k] + member * size;
        for (int o = 0; o < STEM_CHANNELS; o++)
            for (int b = 0; b < BASES; b++)
                for (int t = 0; t < WIDTHS[k]; t++)
                    w[(t * BASES + b) * STEM_CHANNELS + o] = from[(o * BASES + b) * WIDTHS[k] + t];
        w += size;
    }
}

void stem_back(const vf* hot, const vf* dz, const Shape& s, long member, float* const* grads) {
    long tile_hot = (s.length + 2 * HALO) * BASES;
    for (int k = 0; k < CONVOLUTIONS; k++) {
        float* grad = grads[k] + member * WIDTHS[k] * BASES * STEM_CHANNELS;
        for (int tap = 0; tap < WIDTHS[k]; tap++) {
            vf sum[STEM_CHANNELS][BASES] = {};
            for (long t = 0; t < s.tiles; t++) {
                const vf* x = hot + t * tile_hot + (HALO - WIDTHS[k] / 2 + tap) * BASES;
                const vf* d = dz + t * s.length * C + k * STEM_CHANNELS;
                for (long p = 0; p < s.length; p++)
                    for (int o = 0; o < STEM_CHANNELS; o++)
                        for (int b = 0; b < BASES; b++)
                            sum[o][b] += d[p * C + o] * x[p * BASES + b];
            }
            for (int o = 0; o < STEM_CHANNELS; o++)
                for (int b = 0; b < BASES; b++)
                    grad[(o * BASES + b) * WIDTHS[k] + tap] = (float)total(sum[o][b]);
        }
    }
}

// ---- depthwise convolution ------------------------------------------------------------------------

// y[p][c] = sum over t of w[t][c] x[p + t − half][c] within one tile, or with the taps mirrored.
template <bool MIRRORED>
void depthwise_tile(const float* w, const vf* x, vf* y, long length) {
    constexpr int HALF = DEPTHWISE / 2;
    for (long p = 0; p < length; p++)
        for (int c = 0; c < E; c += 4) {
            constexpr int D = E % 4 == 0 ? 4 : 1;
            for (int first = c; first < c + 4 && first < E; first += D) {
                vf sum[D] = {};
                for (int t = 0; t < DEPTHWISE; t++) {
                    long from = MIRRORED ? p - t + HALF : p + t - HALF;
                    if (from < 0 || from >= length) continue;
                    for (int d = 0; d < D; d++)
                        sum[d] += w[t * E + first + d] * x[from * E + first + d];
                }
                for (int d = 0; d < D; d++) y[p * E + first + d] = sum[d];
            }
        }
}

void depthwise_back(const vf* x, const vf* dy, const Shape& s, float* grad) {
    constexpr int HALF = DEPTHWISE / 2;
    for (int c = 0; c < E; c++) {
        vf sum[DEPTHWISE] = {};
        for (long t = 0; t < s.tiles; t++) {
            const vf* in = x + t * s.length * E + c;
            const vf* out = dy + t * s.length * E + c;
            for (long p = 0; p < s.length; p++)
                for (int k = 0; k < DEPTHWISE; k++) {
                    long from = p + k - HALF;
                    if (from >= 0 && from < s.length) sum[k] += out[p * E] * in[from * E];
                }
        }
        for (int k = 0; k < DEPTHWISE; k++) grad[c * DEPTHWISE + k] = (float)total(sum[k]);
    }
}

// ---- squeeze-and-excitation -----------------------------------------------------------------------

struct Excitation {
    vf average[SE], hidden[R > 0 ? R : 1], gate[SE];  // hidden before SiLU
};

void excite(const float* const* block, long member, Excitation& x) {
    const float* w1 = block[REDUCE_W] + member * R * SE;
    const float* w2 = block[EXCITE_W] + member * R * SE;
    vf active[R > 0 ? R : 1];
    for (int r = 0; r < R; r++) {
        vf sum = vf{} + block[REDUCE_B][member * R + r];
        for (int c = 0; c < SE; c++) sum += w1[r * SE + c] * x.average[c];
        x.hidden[r] = sum;
        active[r] = sum * sigmoid(sum);
    }
    for (int c = 0; c < SE; c++) {
        vf sum = vf{} + block[EXCITE_B][member * SE + c];
        for (int r = 0; r < R; r++) sum += w2[c * R + r] * active[r];
        x.gate[c] = sigmoid(sum);
    }
}

// Sums of the gradients of the four parameters, in vectors over lanes.
struct ExcitationSums {
    vf w1[R > 0 ? R * SE : 1], b1[R > 0 ? R : 1], w2[R > 0 ? R * SE : 1], b2[SE];
};

// From d(loss)/d(gate) to d(loss)/d(average), adding up the gradients of the parameters.
void excite_back(const float* const* block, long member, const Excitation& x, const vf* dgate,
                 vf* daverage, ExcitationSums& sums) {
    const float* w1 = block[REDUCE_W] + member * R * SE;
    const float* w2 = block[EXCITE_W] + member * R * SE;
    vf dactive[R > 0 ? R : 1] = {}, active[R > 0 ? R : 1], slope[R > 0 ? R : 1];
    for (int r = 0; r < R; r++) {
        vf gate = sigmoid(x.hidden[r]);
        active[r] = x.hidden[r] * gate;
        slope[r] = gate * (1.f + x.hidden[r] * (1.f - gate));
    }
    for (int c = 0; c < SE; c++) {
        vf d = dgate[c] * x.gate[c] * (1.f - x.gate[c]);
        sums.b2[c] += d;
        for (int r = 0; r < R; r++) {
            sums.w2[c * R + r] += d * active[r];
            dactive[r] += d * w2[c * R + r];
        }
        daverage[c] = vf{};
    }
    for (int r = 0; r < R; r++) {
        vf d = dactive[r] * slope[r];
        sums.b1[r] += d;
        for (int c = 0; c < SE; c++) {
            sums.w1[r * SE + c] += d * x.average[c];
            daverage[c] += d * w1[r * SE + c];
        }
    }
}

void write_excitation(const ExcitationSums& sums, long member, float* const* block) {
    for (int i = 0; i < R * SE; i++) block[REDUCE_W][member * R * SE + i] = (float)total(sums.w1[i]);
    for (int r = 0; r < R; r++) block[REDUCE_B][member * R + r] = (float)total(sums.b1[r]);
    for (int i = 0; i < R * SE; i++) block[EXCITE_W][member * R * SE + i] = (float)total(sums.w2[i]);
    for (int c = 0; c < SE; c++) block[EXCITE_B][member * SE + c] = (float)total(sums.b2[c]);
}

// ---- what a training step keeps from forward to backward -------------------------------------------

struct Block {
    Norm<E> expand_norm, depth_norm;
    Norm<C> project_norm;
    vf *input, *expanded, *depth, *projected;  // before their norms
    Excitation* excitation;                    // one a tile
};

struct Member {
    vf *hot, *stem, *valid;
    Norm<C> stem_norm;
    Block blocks[BLOCKS > 0 ? BLOCKS : 1];
    vf* output;
};

long round_up(long floats) { return (floats + LANES - 1) / LANES * LANES; }

// Lays the arrays of one member out in memory; returns their size in vectors. Called with null, it
// only counts.
long lay_out(Member& m, vf* at, const Shape& s) {
    long used = 0;
    auto take = [&](long vectors) { vf* here = at ? at + used : nullptr; used += vectors; return here; };
    m.hot = take(s.tiles * (s.length + 2 * HALO) * BASES);
    m.valid = take(s.tiles);
    m.stem = take(s.places * C);
    for (int k = 0; k < BLOCKS; k++) {
        Block& b = m.blocks[k];
        b.input = take(s.places * C);
        b.expanded = take(s.places * E);
        b.depth = take(s.places * E);
        b.projected = take(s.places * C);
        b.excitation = (Excitation*)take(SQUEEZE ? s.tiles * (long)(sizeof(Excitation) / sizeof(vf)) : 0);
    }
    m.output = take(s.places * C);
    return used;
}

constexpr long HEADER = (sizeof(Member) + sizeof(vf) - 1) / sizeof(vf);

struct Scratch {
    vf *active, *grad, *grad2, *dx, *dp;
};

long lay_out(Scratch& w, vf* at, const Shape& s) {
    w.active = at;
    w.grad = w.active + s.places * E;
    w.grad2 = w.grad + s.places * E;
    w.dx = w.grad2 + s.places * E;
    w.dp = w.dx + s.places * C;
    return s.places * (3 * E + 2 * C);
}

const float* const* block_of(const float* const* params, int k) { return params + FIRST + k * PER_BLOCK; }
float* const* block_of(float* const* params, int k) { return params + FIRST + k * PER_BLOCK; }

// The weights of a block in the order in which the products read them.
struct Weights {
    float expand[C * E], project[E * C], depth[DEPTHWISE * E];
};

void arrange(const float* const* block, long member, Weights& w) {
    transposed<E, C>(block[EXPAND] + member * E * C, w.expand);
    transposed<C, E>(block[PROJECT] + member * C * E, w.project);
    transposed<E, DEPTHWISE>(block[DEPTH] + member * E * DEPTHWISE, w.depth);
}

template <int X>
void set_norm(Norm<X>& norm, const vf* z, const vf* valid, const Shape& s, bool frozen, float eps,
              float momentum, const float* gain, const float* bias, float* const* running, int which,
              long member) {
    float* mean = running[2 * which] + member * X;
    float* var = running[2 * which + 1] + member * X;
    if (frozen) running_norm(norm, eps, mean, var);
    else batch_norm(norm, z, valid, s, eps, momentum, mean, var);
    fold(norm, gain + member * X, bias + member * X);
}

void scale_by_gate(vf* x, const vf* gate, long length) {
    for (long p = 0; p < length; p++)
        for (int c = 0; c < SE; c++) x[p * SE + c] *= gate[c];
}


// ---- scoring ----------------------------------------------------------------------------------------

// The weights of a trained member, with the norms folded into affine maps.
struct Frozen {
    float stem[stem_weights()];
    Norm<C> stem_norm;
    struct {
        Weights weights;
        Norm<E> expand_norm, depth_norm;
        Norm<C> project_norm;
    } blocks[BLOCKS > 0 ? BLOCKS : 1];
};

void freeze(const float* const* params, float* const* running, long member, float eps, Frozen& f) {
    Shape none{};
    auto set = [&](auto& norm, const float* gain, const float* bias, int which) {
        set_norm(norm, (const vf*)nullptr, (const vf*)nullptr, none, true, eps, 0.f, gain, bias, running,
                 which, member);
    };
    arrange_stem(params, member, f.stem);
    set(f.stem_norm, params[STEM_G], params[STEM_B], 0);
    for (int k = 0; k < BLOCKS; k++) {
        const float* const* block = block_of(params, k);
        arrange(block, member, f.blocks[k].weights);
        set(f.blocks[k].expand_norm, block[EXPAND_G], block[EXPAND_B], 1 + 3 * k);
        set(f.blocks[k].depth_norm, block[DEPTH_G], block[DEPTH_B], 2 + 3 * k);
        set(f.blocks[k].project_norm, block[PROJECT_G], block[PROJECT_B], 3 + 3 * k);
    }
}

// A tile of sequences of unequal lengths: `inside` (a vector a position) is null where all are full.
struct Tile {
    long length;
    vf lengths;
    const vf* inside;
};

template <int X>
void average_of(const vf* x, const Tile& tile, vf* average) {
    for (int c = 0; c < X; c++) average[c] = vf{};
    for (long p = 0; p < tile.length; p++)
        for (int c = 0; c < X; c++)
            average[c] += tile.inside ? x[p * X + c] * tile.inside[p] : x[p * X + c];
    for (int c = 0; c < X; c++) average[c] /= tile.lengths;
}

struct TileScratch {
    vf *hot, *inside, *x, *a, *d;
};

long lay_out(TileScratch& w, vf* at, long length) {
    w.hot = at;
    w.inside = w.hot + (length + 2 * HALO) * BASES;
    w.x = w.inside + length;
    w.a = w.x + length * C;
    w.d = w.a + length * E;
    return (length + 2 * HALO) * BASES + length * (1 + C + 2 * E);
}

// One tile of one member; leaves the features in w.x.
void score_tile(const Frozen& f, const float* const* params, long member, const Tile& tile,
                const TileScratch& w) {
    stem_tile(f.stem, w.hot, w.x, tile.length);
    norm_silu(f.stem_norm, w.x, w.x, tile.length);
    for (int k = 0; k < BLOCKS; k++) {
        const auto& b = f.blocks[k];
        product<C, E>(b.weights.expand, w.x, w.a, tile.length);
        norm_silu(b.expand_norm, w.a, w.a, tile.length);
        if (tile.inside)  // the depthwise convolution is the one that looks at neighbours
            for (long p = 0; p < tile.length; p++)
                for (int c = 0; c < E; c++) w.a[p * E + c] *= tile.inside[p];
        depthwise_tile<false>(b.weights.depth, w.a, w.d, tile.length);
        norm_silu(b.depth_norm, w.d, w.d, tile.length);
        Excitation e;
        if (SQUEEZE == 1) {
            average_of<SE>(w.d, tile, e.average);
            excite(block_of(params, k), member, e);
            scale_by_gate(w.d, e.gate, tile.length);
        }
        vf* y = w.a;
        product<E, C>(b.weights.project, w.d, y, tile.length);
        for (long p = 0; p < tile.length; p++)
            for (int c = 0; c < C; c++)
                y[p * C + c] = y[p * C + c] * b.project_norm.scale[c] + b.project_norm.shift[c];
        if (SQUEEZE == 2) {
            average_of<SE>(y, tile, e.average);
            excite(block_of(params, k), member, e);
            scale_by_gate(y, e.gate, tile.length);
        }
        for (long i = 0; i < tile.length * C; i++) w.x[i] += y[i];
    }
}

}  // namespace

extern "C" {

// Floats of memory that forward and backward need for a batch (aligned to 64 bytes).
long workspace(long members, long batch, long length) {
    Shape s = shape_of(batch, length);
    Member m;
    Scratch w;
    return LANES * (members * (HEADER + lay_out(m, nullptr, s)) + lay_out(w, nullptr, s));
}

// Codes (batch, members, length) to features averaged over positions, pooled (batch, members, C).
//
// frozen = 0: by the statistics of the batch, which move the running ones by momentum (0 leaves
// them); frozen = 1: by the running statistics, as constants.
void forward(const float* const* params, float* const* running, const uint8_t* at, long by_sequence,
             long by_member, long batch, long members, long length, int frozen, float momentum,
             float eps, float* memory, float* pooled) {
    Shape s = shape_of(batch, length);
    Codes codes{at, by_sequence, by_member, batch, length};
    vf* place = (vf*)memory;
    Scratch w;
    place += lay_out(w, place, s);
    for (long n = 0; n < members; n++) {
        Member& m = *(Member*)place;
        place += HEADER;
        place += lay_out(m, place, s);
        for (long t = 0; t < s.tiles; t++)
            for (int lane = 0; lane < LANES; lane++) m.valid[t][lane] = t * LANES + lane < batch ? 1.f : 0.f;

        float stem_w[stem_weights()];
        arrange_stem(params, n, stem_w);
        long tile_hot = (length + 2 * HALO) * BASES;
        for (long t = 0; t < s.tiles; t++) {
            one_hot(codes, n, t, m.hot + t * tile_hot);
            stem_tile(stem_w, m.hot + t * tile_hot, m.stem + t * length * C, length);
        }
        set_norm(m.stem_norm, m.stem, m.valid, s, frozen, eps, momentum, params[STEM_G], params[STEM_B],
                 running, 0, n);
        norm_silu(m.stem_norm, m.stem, BLOCKS ? m.blocks[0].input : m.output, s.places);

        for (int k = 0; k < BLOCKS; k++) {
            Block& b = m.blocks[k];
            const float* const* block = block_of(params, k);
            Weights weights;
            arrange(block, n, weights);
            product<C, E>(weights.expand, b.input, b.expanded, s.places);
            set_norm(b.expand_norm, b.expanded, m.valid, s, frozen, eps, momentum, block[EXPAND_G],
                     block[EXPAND_B], running, 1 + 3 * k, n);
            norm_silu(b.expand_norm, b.expanded, w.active, s.places);
            for (long t = 0; t < s.tiles; t++)
                depthwise_tile<false>(weights.depth, w.active + t * length * E, b.depth + t * length * E, length);
            set_norm(b.depth_norm, b.depth, m.valid, s, frozen, eps, momentum, block[DEPTH_G],
                     block[DEPTH_B], running, 2 + 3 * k, n);
            norm_silu(b.depth_norm, b.depth, w.active, s.places);
            if (SQUEEZE == 1)
                for (long t = 0; t < s.tiles; t++) {
                    Excitation& x = b.excitation[t];
                    vf* a = w.active + t * length * E;
                    for (int c = 0; c < SE; c++) x.average[c] = vf{};
                    for (long p = 0; p < length; p++)
                        for (int c = 0; c < SE; c++) x.average[c] += a[p * SE + c];
                    for (int c = 0; c < SE; c++) x.average[c] /= (float)length;
                    excite(block, n, x);
                    scale_by_gate(a, x.gate, length);
                }
            product<E, C>(weights.project, w.active, b.projected, s.places);
            set_norm(b.project_norm, b.projected, m.valid, s, frozen, eps, momentum, block[PROJECT_G],
                     block[PROJECT_B], running, 3 + 3 * k, n);
            vf* out = k + 1 < BLOCKS ? m.blocks[k + 1].input : m.output;
            const Norm<C>& norm = b.project_norm;
            for (long t = 0; t < s.tiles; t++) {
                const vf* z = b.projected + t * length * C;
                vf gate[C];
                for (int c = 0; c < C; c++) gate[c] = vf{} + 1.f;
                if (SQUEEZE == 2) {
                    Excitation& x = b.excitation[t];
                    for (int c = 0; c < C; c++) x.average[c] = vf{};
                    for (long p = 0; p < length; p++)
                        for (int c = 0; c < C; c++) x.average[c] += z[p * C + c];
                    for (int c = 0; c < C; c++)
                        x.average[c] = x.average[c] / (float)length * norm.scale[c] + norm.shift[c];
                    excite(block, n, x);
                    for (int c = 0; c < C; c++) gate[c] = x.gate[c];
                }
                for (long p = 0; p < length; p++)
                    for (int c = 0; c < C; c++) {
                        vf y = z[p * C + c] * norm.scale[c] + norm.shift[c];
                        out[(t * length + p) * C + c] = b.input[(t * length + p) * C + c] + y * gate[c];
                    }
            }
        }
        for (long t = 0; t < s.tiles; t++) {
            vf sum[C] = {};
            for (long p = 0; p < length; p++)
                for (int c = 0; c < C; c++) sum[c] += m.output[(t * length + p) * C + c];
            for (int c = 0; c < C; c++) sum[c] /= (float)length;
            for (int lane = 0; lane < LANES && t * LANES + lane < batch; lane++)
                for (int c = 0; c < C; c++) pooled[((t * LANES + lane) * members + n) * C + c] = sum[c][lane];
        }
    }
}

// From d(loss)/d(pooled) to the gradients of all parameters, which are written, not added to.
// `memory` is what forward left.
void backward(const float* const* params, float* const* grads, long batch, long members, long length,
              int frozen, float* memory, const float* dpooled) {
    Shape s = shape_of(batch, length);
    vf* place = (vf*)memory;
    Scratch w;
    place += lay_out(w, place, s);
    for (long n = 0; n < members; n++) {
        Member& m = *(Member*)place;
        Member sizes;
        place += HEADER + lay_out(sizes, nullptr, s);
        for (long t = 0; t < s.tiles; t++) {
            vf d[C] = {};
            for (int lane = 0; lane < LANES && t * LANES + lane < batch; lane++)
                for (int c = 0; c < C; c++)
                    d[c][lane] = dpooled[((t * LANES + lane) * members + n) * C + c] / (float)length;
            for (long p = 0; p < length; p++)
                for (int c = 0; c < C; c++) w.dx[(t * length + p) * C + c] = d[c];
        }
        for (int k = BLOCKS - 1; k >= 0; k--) {
            Block& b = m.blocks[k];
            const float* const* block = block_of(params, k);
            float* const* grad = block_of(grads, k);
            Weights weights;
            arrange(block, n, weights);
            static thread_local ExcitationSums sums;  // of a wide layout, more than a stack holds
            if (SQUEEZE) std::memset((void*)&sums, 0, sizeof sums);

            // Residual: dx goes on as it is, and into the block as dp.
            if (SQUEEZE == 2) {
                const Norm<C>& norm = b.project_norm;
                for (long t = 0; t < s.tiles; t++) {
                    const vf* z = b.projected + t * length * C;
                    const vf* dx = w.dx + t * length * C;
                    vf dgate[SE] = {}, daverage[SE];
                    for (long p = 0; p < length; p++)
                        for (int c = 0; c < C; c++)
                            dgate[c] += dx[p * C + c] * (z[p * C + c] * norm.scale[c] + norm.shift[c]);
                    excite_back(block, n, b.excitation[t], dgate, daverage, sums);
                    for (int c = 0; c < C; c++) daverage[c] /= (float)length;
                    for (long p = 0; p < length; p++)
                        for (int c = 0; c < C; c++)
                            w.dp[(t * length + p) * C + c] = dx[p * C + c] * b.excitation[t].gate[c] + daverage[c];
                }
            } else {
                std::memcpy((void*)w.dp, w.dx, sizeof(vf) * s.places * C);
            }
            norm_back(b.project_norm, b.projected, w.dp, m.valid, s, frozen, grad[PROJECT_G] + n * C,
                      grad[PROJECT_B] + n * C);

            product<C, E>(block[PROJECT] + n * C * E, w.dp, w.grad, s.places);
            if (SQUEEZE == 1) {
                norm_silu(b.depth_norm, b.depth, w.active, s.places);
                for (long t = 0; t < s.tiles; t++) {
                    vf* a = w.active + t * length * SE;
                    vf* d = w.grad + t * length * SE;
                    const Excitation& x = b.excitation[t];
                    vf dgate[SE] = {}, daverage[SE];
                    for (long p = 0; p < length; p++)
                        for (int c = 0; c < SE; c++) dgate[c] += d[p * SE + c] * a[p * SE + c];
                    excite_back(block, n, x, dgate, daverage, sums);
                    for (int c = 0; c < SE; c++) daverage[c] /= (float)length;
                    for (long p = 0; p < length; p++)
                        for (int c = 0; c < SE; c++) {
                            d[p * SE + c] = d[p * SE + c] * x.gate[c] + daverage[c];
                            a[p * SE + c] *= x.gate[c];
                        }
                }
            }
            silu_back(b.depth_norm, b.depth, w.grad, SQUEEZE == 1 ? nullptr : w.active, s.places);
            outer<C, E>(w.dp, w.active, s.places, grad[PROJECT] + n * C * E);
            if (SQUEEZE) write_excitation(sums, n, grad);
            norm_back(b.depth_norm, b.depth, w.grad, m.valid, s, frozen, grad[DEPTH_G] + n * E,
                      grad[DEPTH_B] + n * E);

            for (long t = 0; t < s.tiles; t++)
                depthwise_tile<true>(weights.depth, w.grad + t * length * E, w.grad2 + t * length * E, length);
            silu_back(b.expand_norm, b.expanded, w.grad2, w.active, s.places);
            depthwise_back(w.active, w.grad, s, grad[DEPTH] + n * E * DEPTHWISE);
            norm_back(b.expand_norm, b.expanded, w.grad2, m.valid, s, frozen, grad[EXPAND_G] + n * E,
                      grad[EXPAND_B] + n * E);
            outer<E, C>(w.grad2, b.input, s.places, grad[EXPAND] + n * E * C);
            product<E, C, true>(block[EXPAND] + n * E * C, w.grad2, w.dx, s.places);
        }
        silu_back(m.stem_norm, m.stem, w.dx, (vf*)nullptr, s.places);
        norm_back(m.stem_norm, m.stem, w.dx, m.valid, s, frozen, grads[STEM_G] + n * C, grads[STEM_B] + n * C);
        stem_back(m.hot, w.dx, s, n, grads);
    }
}

// Floats of memory that `score` needs (aligned to 64 bytes).
long score_workspace(long members, long length) {
    TileScratch w;
    return members * round_up(sizeof(Frozen) / sizeof(float)) + LANES * lay_out(w, nullptr, length);
}

// Codes (batch, members, length), each row full up to its own length, to features averaged over the
// positions of the sequence, by the running statistics: pooled (batch, members, C).
void score(const float* const* params, float* const* running, const uint8_t* at, long by_sequence,
           long by_member, const int32_t* lengths, long batch, long members, long length, float eps,
           float* memory, float* pooled) {
    Codes codes{at, by_sequence, by_member, batch, length};
    long frozen_size = round_up(sizeof(Frozen) / sizeof(float));
    for (long n = 0; n < members; n++) freeze(params, running, n, eps, *(Frozen*)(memory + n * frozen_size));
    TileScratch w;
    lay_out(w, (vf*)(memory + members * frozen_size), length);
    for (long first = 0; first < batch; first += LANES) {
        Tile tile{0, vf{} + 1.f, nullptr};
        bool ragged = false;
        for (int lane = 0; lane < LANES && first + lane < batch; lane++) {
            ragged |= lengths[first + lane] != lengths[first];
            tile.length = lengths[first + lane] > tile.length ? lengths[first + lane] : tile.length;
            tile.lengths[lane] = (float)lengths[first + lane];
        }
        for (int lane = 0; lane < LANES; lane++)
            for (long p = 0; p < tile.length; p++) w.inside[p][lane] = p < tile.lengths[lane] ? 1.f : 0.f;
        if (ragged) tile.inside = w.inside;
        Codes here = codes;
        here.length = tile.length;
        for (long n = 0; n < members; n++) {
            if (n == 0 || by_member) one_hot(here, n, first / LANES, w.hot);
            score_tile(*(Frozen*)(memory + n * frozen_size), params, n, tile, w);
            vf average[C];
            average_of<C>(w.x, tile, average);
            for (int lane = 0; lane < LANES && first + lane < batch; lane++)
                for (int c = 0; c < C; c++)
                    pooled[((first + lane) * members + n) * C + c] = average[c][lane];
        }
    }
}

}  // extern "C"
