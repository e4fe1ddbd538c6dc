package com.example.shop;

/** Orders, for which it asks {@link Stock}. */
public interface Orders {
    Answer getOffer(String article);

    Answer place(String article, int pieces) throws RefusedException;
}
