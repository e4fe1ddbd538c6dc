package com.example.triple;

/** Exported several times, in different groups and versions; each answers with which one it is. */
public interface Variant {
    String name();
}
