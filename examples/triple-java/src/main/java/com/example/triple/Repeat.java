package com.example.triple;

import java.io.Serializable;

/** What {@link Streams#repeat} is asked for: a stream's method takes one argument besides the observer. */
public class Repeat implements Serializable {
    private static final long serialVersionUID = 1L;

    private String text;
    private int times;

    public Repeat() {}

    public Repeat(String text, int times) {
        this.text = text;
        this.times = times;
    }

    public String getText() { return text; }

    public int getTimes() { return times; }
}
