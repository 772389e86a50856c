"""Small bugs, planted one at a time: which tests turn red?"""
